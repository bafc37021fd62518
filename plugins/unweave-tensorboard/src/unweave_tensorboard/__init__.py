"""TensorBoard curves, pictures and hyper-parameters of unweave runs."""
