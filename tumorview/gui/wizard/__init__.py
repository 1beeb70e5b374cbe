"""The training wizard: a thin shell over ``app.training_flow`` and one widget a page."""

GROUP_PREFIX = "training_"  # of the groups of its jobs; here, because its pages take a while to import
