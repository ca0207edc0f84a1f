package intake

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"
	"unicode"
	"unsafe"

	"github.com/klauspost/compress/s2"
	"github.com/tidwall/gjson"
)

const (
	maxAction     = 100 // bytes; GitHub's longest is below 40
	maxRepository = 256 // bytes; GitHub allows 39 + 1 + 100
	maxName       = 100 // bytes of an event's name and of a delivery id, which is a UUID of 36
)

// jsonOf gives the JSON in a body. An App's webhook can be set to either
// content type; the signature covers the raw body in both.
func jsonOf(contentType string, raw []byte) ([]byte, error) {
	if contentType != "application/json" {
		media, _, err := mime.ParseMediaType(contentType)
		switch {
		case err != nil:
			return nil, errors.New("no usable content type")
		case media == "application/json":
		case media == "application/x-www-form-urlencoded":
			form, err := url.ParseQuery(string(raw))
			if err != nil {
				return nil, errors.New("unreadable form")
			}
			raw = []byte(form.Get("payload"))
		default:
			return nil, errors.New("content type is neither JSON nor a form")
		}
	}
	if tooNested(raw) {
		return nil, errors.New("body is nested too deeply")
	}
	if !gjson.ValidBytes(raw) || firstByte(raw) != '{' {
		return nil, errors.New("body is not a JSON object")
	}
	return raw, nil
}

// maxNesting of JSON is encoding/json's own limit. gjson has none: it checks
// by recursion, and some 10 MiB of "[" would exhaust the 1 GB that Go allows a
// stack, which ends the process and cannot be recovered from.
const maxNesting = 10_000

// tooNested looks at the text alone, before anything parses it: raw need not
// be JSON. Every level costs an opening bracket, and counting those runs at
// memory speed (0.5 µs for a webhook of 17 KB), so that nearly no body is looked
// at byte by byte.
func tooNested(raw []byte) bool {
	if len(raw) <= maxNesting || bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) <= maxNesting {
		return false
	}
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted:
			switch c {
			case '\\':
				i++
			case '"':
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '[', c == '{':
			if depth++; depth > maxNesting {
				return true
			}
		case c == ']', c == '}':
			depth--
		}
	}
	return false
}

func firstByte(raw []byte) byte {
	for _, c := range raw {
		if c > ' ' {
			return c
		}
	}
	return 0
}

// facts are the fields of a payload that make a delivery findable. Each is the
// zero value when it is missing, null or of another type.
type facts struct {
	action         string
	installationID int64
	repository     string
}

// factsOf walks the top level of a JSON object once.
func factsOf(payload []byte) (f facts) {
	if len(payload) == 0 {
		return f
	}
	// A view instead of a copy: payload does not change while we are here, and
	// what is kept is copied by clean.
	view := unsafe.String(&payload[0], len(payload)) //nolint:gosec // see above
	gjson.Parse(view).ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "action":
			f.action = clean(value.Str, maxAction)
		case "installation":
			if id := value.Get("id"); id.Type == gjson.Number {
				f.installationID = id.Int()
			}
		case "repository":
			f.repository = clean(value.Get("full_name").Str, maxRepository)
		}
		return true
	})
	return f
}

// clean makes text from a payload fit for a column, a log line and a terminal.
func clean(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return strings.Map(func(r rune) rune {
				if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
					return -1
				}
				return r
			}, s)
		}
	}
	return strings.Clone(s)
}

// usableName reports whether a header's value can serve as a key: printable
// ASCII without spaces, bounded.
func usableName(s string) bool {
	if len(s) == 0 || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// compress appends nothing to dst but replaces it. S2 takes a fifth of zstd's
// time on webhooks and leaves them a fifth of their size (zstd: a seventh),
// either way one page of the database.
func compress(dst, payload []byte) []byte { return s2.Encode(dst[:cap(dst)], payload) }

// decompress undoes compress.
func decompress(stored []byte) ([]byte, error) {
	n, err := s2.DecodedLen(stored)
	if err != nil {
		return nil, fmt.Errorf("decompress body: %w", err)
	}
	if n > MaxBody {
		return nil, fmt.Errorf("decompress body: %d bytes are above the limit", n)
	}
	payload, err := s2.Decode(nil, stored)
	if err != nil {
		return nil, fmt.Errorf("decompress body: %w", err)
	}
	return payload, nil
}
