// Package config holds the settings of the server, the configuration of a
// repository (.github/redundancy.yml), the host's own agent.yml, and the
// formats of the original system, which are read as they are. Everything is
// strict: an unknown key is an error with file, line and column. JSON schemas
// are generated from the structs in this package.
package config

//go:generate go run ./internal/schema/generate
