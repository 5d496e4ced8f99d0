"""Any moment of a timeline, computed anew, and the log of the last minutes in memory."""
