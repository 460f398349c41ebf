"""The message sandbox: a mail server and a Slack that keep what they are sent, and pages to read it."""
