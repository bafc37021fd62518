"""With which codes commands end."""

EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130
