"""The core model package: tensors in, tensors out."""
