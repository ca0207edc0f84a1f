package api

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/rs/zerolog"
)

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil { // a type of this package that JSON cannot hold
		http.Error(w, `{"error": "internal error"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client is gone; there is nobody left to tell
}

// refusal is the body of every answer that is not 2xx.
type refusal struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, refusal{Error: message})
}

// fail answers 500 and logs the cause, which may name paths or queries and is
// therefore not sent.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	log := zerolog.Ctx(r.Context())
	if log.GetLevel() == zerolog.Disabled {
		log = &s.cfg.Log
	}
	log.Error().Err(err).Str("path", r.URL.Path).Msg("api request failed")
	refuse(w, http.StatusInternalServerError, "internal error, see the server's log")
}

// decode reads a JSON body strictly: one document, no unknown field.
func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, extra := dec.Token(); !errors.Is(extra, io.EOF) {
			err = errors.New("more than one document")
		}
	}
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return true
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "request body over 64 KiB")
	default:
		refuse(w, http.StatusBadRequest, "request body: "+mistake(err))
	}
	return false
}
