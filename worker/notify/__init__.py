"""Telling people: notices become deliveries, deliveries become calls to providers, until one of them says yes."""
