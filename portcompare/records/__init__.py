"""The frozen records at which the stages meet, one file a subject."""
