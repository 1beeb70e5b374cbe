"""The training wizard: a thin shell over ``app.training_flow`` and one widget a page."""
