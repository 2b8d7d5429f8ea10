// Replaced by the first shared helper of the tests.
