package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

// mistake says what is wrong with a JSON body, in the words of whoever wrote
// it: the decoder names Go's types and formats.
func mistake(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var moment *time.ParseError
	text := err.Error()
	switch field, unknown := strings.CutPrefix(text, "json: unknown field "); {
	case unknown:
		return fmt.Sprintf("there is no field %s: /api/v1/openapi.json lists those that there are", field)
	case errors.Is(err, io.EOF):
		return "it is empty: send a JSON object"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it is no JSON: it ends too early"
	case errors.As(err, &syntax):
		return fmt.Sprintf("it is no JSON: look at character %d", syntax.Offset)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Sprintf("want %s, not %s", wanted(kind.Type), article(kind.Value))
	case errors.As(err, &kind):
		return fmt.Sprintf("%s: want %s, not %s", kind.Field, wanted(kind.Type), article(kind.Value))
	case errors.As(err, &moment):
		return fmt.Sprintf("%.100q is no time: write it as 2026-12-01T22:00:00Z", strings.Trim(moment.Value, `"`))
	case strings.HasPrefix(text, "Time."):
		return "a time has to be a text such as \"2026-12-01T22:00:00Z\""
	}
	return strings.TrimPrefix(text, "json: ")
}

// wanted names a type of this package's requests as JSON calls it.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	default:
		return "an object"
	}
}

// article is what the decoder found: "number 1.5", "array", "object", "bool", "string".
func article(value string) string {
	switch {
	case strings.HasPrefix(value, "number "): // with its digits: too large, or not whole
		return strings.TrimPrefix(value, "number ")
	case value == "bool":
		return "true or false"
	case value == "array", value == "object":
		return "an " + value
	}
	return "a " + value
}
