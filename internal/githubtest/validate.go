package githubtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// checkRequest compares a request with its description: violations are what GitHub refuses, unknown is what it ignores
// (a misspelt field or query parameter), which is a fault of the caller all the same.
func checkRequest(op *operation, params map[string]string, query url.Values, body any, hasBody bool) (violations, unknown []string) {
	known := map[string]bool{}
	for _, p := range op.params {
		var given []string
		switch p.In {
		case "path":
			given = []string{params[p.Name]}
		case "query":
			known[p.Name] = true
			given = query[p.Name]
		default:
			continue
		}
		if len(given) == 0 {
			if p.Required {
				violations = append(violations, fmt.Sprintf("%s parameter %s is missing", p.In, p.Name))
			}
			continue
		}
		for _, v := range given {
			if err := checkParameter(p.Schema.Value, v); err != nil {
				violations = append(violations, fmt.Sprintf("%s parameter %s: %v", p.In, p.Name, err))
			}
		}
	}
	for k := range query {
		if !known[k] {
			unknown = append(unknown, "query parameter "+k)
		}
	}
	v, u := checkBody(op, body, hasBody)
	violations, unknown = append(violations, v...), append(unknown, u...)
	sort.Strings(unknown)
	return violations, unknown
}

func checkBody(op *operation, body any, hasBody bool) (violations, unknown []string) {
	rb := op.op.RequestBody
	var schema *openapi3.Schema
	required := false
	if rb != nil && rb.Value != nil {
		required = rb.Value.Required
		if media := rb.Value.Content.Get("application/json"); media != nil && media.Schema != nil {
			schema = media.Schema.Value
		}
	}
	if body == nil && !required {
		hasBody = false // Go clients send the JSON value null for "no options", and GitHub takes it
	}
	switch {
	case schema == nil:
		if o, ok := body.(object); hasBody && (!ok || len(o) > 0) {
			unknown = append(unknown, "a body where none is described")
		}
	case !hasBody && required:
		violations = append(violations, "the request body is missing")
	case hasBody:
		violations = schemaErrors(schema.VisitJSON(body, openapi3.MultiErrors(), openapi3.VisitAsRequest(), openapi3.EnableFormatValidation()))
		unknown = unknownFields(schema, body, "")
	}
	return violations, unknown
}

// checkParameter tries the types that the text of a parameter may stand for.
func checkParameter(schema *openapi3.Schema, text string) error {
	candidates := []any{text}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		candidates = append(candidates, n)
	}
	if b, err := strconv.ParseBool(text); err == nil {
		candidates = append(candidates, b)
	}
	var first error
	for _, c := range candidates {
		err := schema.VisitJSON(c, openapi3.VisitAsRequest())
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return errors.New(strings.Join(schemaErrors(first), "; "))
}

// checkAnswer compares what the double is about to say with the description. It judges the double, not the App.
func checkAnswer(op *operation, status int, contentType string, body []byte) []string {
	ref := op.op.Responses.Value(strconv.Itoa(status))
	if ref == nil || ref.Value == nil {
		return []string{fmt.Sprintf("status %d is not described", status)}
	}
	if !strings.Contains(contentType, "json") {
		return nil
	}
	media := ref.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return []string{"a body where none is described"}
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return []string{err.Error()}
	}
	return schemaErrors(media.Schema.Value.VisitJSON(v, openapi3.MultiErrors(), openapi3.VisitAsResponse(), openapi3.EnableFormatValidation()))
}

// unknownFields lists the fields of a body that a closed enough schema does not name.
func unknownFields(schema *openapi3.Schema, v any, at string) (out []string) {
	if schema == nil || len(schema.OneOf)+len(schema.AnyOf)+len(schema.AllOf) > 0 {
		return nil
	}
	switch v := v.(type) {
	case []any:
		if schema.Items != nil {
			for i, x := range v {
				out = append(out, unknownFields(schema.Items.Value, x, fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	case object:
		if len(schema.Properties) == 0 || schema.AdditionalProperties.Schema != nil || (schema.AdditionalProperties.Has != nil && *schema.AdditionalProperties.Has) {
			return nil
		}
		for k, x := range v {
			if p, ok := schema.Properties[k]; ok {
				out = append(out, unknownFields(p.Value, x, at+"."+k)...)
			} else {
				out = append(out, "field "+strings.TrimPrefix(at+"."+k, "."))
			}
		}
	}
	return out
}

// schemaErrors flattens kin-openapi's tree of errors into one line per fault, without the schema dump.
func schemaErrors(err error) []string {
	if err == nil {
		return nil
	}
	var many openapi3.MultiError
	if errors.As(err, &many) {
		var out []string
		for _, e := range many {
			out = append(out, schemaErrors(e)...)
		}
		return out
	}
	var one *openapi3.SchemaError
	if errors.As(err, &one) {
		at := strings.Join(one.JSONPointer(), ".")
		if at == "" {
			return []string{one.Reason}
		}
		return []string{at + ": " + one.Reason}
	}
	return []string{err.Error()}
}
