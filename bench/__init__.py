"""What is measured of Retain, and against what. A bench is a module or package here with `run(format, options)`."""
