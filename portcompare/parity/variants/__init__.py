"""What a request is turned into to see whether all deployments take its mistakes alike."""

from portcompare.parity.variants.bodies import body_variants
from portcompare.parity.variants.headers import app_decides, header_variants, method_variants
from portcompare.parity.variants.urls import (
    parameter_names,
    parameter_variants,
    path_variants,
    query_variants,
    shape_of,
)

__all__ = [
    "app_decides",
    "body_variants",
    "header_variants",
    "method_variants",
    "parameter_names",
    "parameter_variants",
    "path_variants",
    "query_variants",
    "shape_of",
]
