"""The network and everything around it. Only this package imports torch or openvino, and only when work starts."""
