"""The timeline: how lanes, the axis and the legend are laid out, drawn and pointed at."""
