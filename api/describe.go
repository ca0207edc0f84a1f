package api

import (
	_ "embed"
	"net/http"
)

// description is the OpenAPI description of this package. A test holds it to
// the routes and to the answers.
//
//go:embed openapi.json
var description []byte

func describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(description) // the client is gone; there is nobody left to tell
}
