// Package redundancy holds the App's manifest, so that a server without
// credentials can show what to register. The program is in cmd/redundancy.
package redundancy

import _ "embed" // for the manifest

// Manifest is app.yml: name, permissions and events of the GitHub App.
//
//go:embed app.yml
var Manifest string
