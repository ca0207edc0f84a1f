// Package layout has no code, only the test that holds the shape of this
// repository: every package is documented, no file outgrows its room, and
// imports point one way.
package layout
