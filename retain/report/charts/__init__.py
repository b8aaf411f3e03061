"""The drawings of the report: each module makes Vega-Lite specifications from rows of the marts, and reads nothing."""
