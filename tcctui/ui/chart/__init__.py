"""Charts over time: data, axes, plot, legend, crosshair."""
