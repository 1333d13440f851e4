"""What goes to other programs: tables, labelled arrays, netCDF, MATLAB."""
