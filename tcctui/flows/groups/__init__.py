"""Groups of flows: sums, quantiles and histograms."""
