"""What a request is turned into to see whether all deployments take its mistakes alike."""

from portcompare.parity.variants.bodies import body_variants
from portcompare.parity.variants.headers import header_variants
from portcompare.parity.variants.limits import app_decides
from portcompare.parity.variants.methods import method_variants
from portcompare.parity.variants.paths import path_variants, shape_of
from portcompare.parity.variants.queries import parameter_names, parameter_variants, query_variants

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
