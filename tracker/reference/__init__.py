"""The API's description for people: what its OpenAPI document says, without anything of HTML or of Django."""
