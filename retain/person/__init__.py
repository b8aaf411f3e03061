"""One person's right to see and to be forgotten: everything that the warehouse holds of them, exported, erased, and proved gone."""
