"""A console in the browser, as a process of its own: it asks the running reader over its socket and opens no database.

    browser -> gate (size, host, headers) -> visit (session, token) -> a page of pages/ -> signed command -> the reader

A page is one file in `pages/` with its templates; whoever signs in commands with a key of the account's own, so that
roles, rules and audit are the reader's. Needs the extra `web`.
"""
