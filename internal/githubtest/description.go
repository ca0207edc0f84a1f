package githubtest

import (
	"bytes"
	"compress/gzip"
	_ "embed" // for the two descriptions
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// The cuts of GitHub's descriptions (see testdata/LICENSE-octokit-openapi); cut.mjs beside them makes them anew.
//
//go:embed testdata/api.github.com.json.gz
var restDescription []byte

//go:embed testdata/webhooks.json.gz
var hookDescription []byte

// description is what GitHub says about itself: operations to route and check by, schemas to complete objects from.
type description struct {
	byMethod map[string][]*operation
	rest     *schemas
	hooks    *schemas
}

type operation struct {
	id     string
	method string
	op     *openapi3.Operation
	params []*openapi3.Parameter
	names  []string // of the path parameters, in order
	re     *regexp.Regexp
	weight string
}

// described loads the descriptions once a process; it takes about 0.1 s.
var described = sync.OnceValues(func() (*description, error) {
	rest, err := unzip(restDescription)
	if err != nil {
		return nil, err
	}
	hooks, err := unzip(hookDescription)
	if err != nil {
		return nil, err
	}
	d := &description{byMethod: map[string][]*operation{}}
	var restRoot, hookRoot map[string]any
	if err := errors.Join(json.Unmarshal(rest, &restRoot), json.Unmarshal(hooks, &hookRoot)); err != nil {
		return nil, fmt.Errorf("parse description: %w", err)
	}
	fixDescription(restRoot)
	d.rest, d.hooks = newSchemas(restRoot), newSchemas(hookRoot)
	fixed, err := json.Marshal(restRoot)
	if err != nil {
		return nil, fmt.Errorf("write description: %w", err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(fixed)
	if err != nil {
		return nil, fmt.Errorf("load REST description: %w", err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			d.byMethod[method] = append(d.byMethod[method], newOperation(method, path, item, op))
		}
	}
	for _, ops := range d.byMethod {
		sort.Slice(ops, func(i, j int) bool { return ops[i].weight < ops[j].weight })
	}
	return d, nil
})

func newOperation(method, path string, item *openapi3.PathItem, op *openapi3.Operation) *operation {
	o := &operation{id: op.OperationID, method: method, op: op}
	multi := map[string]bool{}
	for _, refs := range []openapi3.Parameters{item.Parameters, op.Parameters} {
		for _, p := range refs {
			o.params = append(o.params, p.Value)
			if m, _ := p.Value.Extensions["x-multi-segment"].(bool); m {
				multi[p.Value.Name] = true
			}
		}
	}
	// A literal segment beats a parameter, a parameter of one segment beats one of several.
	var weight strings.Builder
	segments := strings.Split(path, "/")
	for i, seg := range segments {
		w := "0"
		segments[i] = placeholder.ReplaceAllStringFunc(regexp.QuoteMeta(seg), func(m string) string {
			name := strings.Trim(m, `\{}`)
			o.names = append(o.names, name)
			if multi[name] {
				w = "2"
				return "(.+?)"
			}
			if w == "0" {
				w = "1"
			}
			return "([^/]+)"
		})
		weight.WriteString(w)
	}
	o.re = regexp.MustCompile("^" + strings.Join(segments, "/") + "$")
	o.weight = weight.String() + strings.Repeat("3", 16-len(segments)) + fmt.Sprintf("%04d", 9999-len(path))
	return o
}

var placeholder = regexp.MustCompile(`\\\{[^}]+\\\}`)

// match finds the operation of a request by its escaped path; nil when GitHub describes none.
func (d *description) match(method, path string) (op *operation, params map[string]string) {
	if method == "HEAD" {
		method = "GET"
	}
	for _, o := range d.byMethod[method] {
		m := o.re.FindStringSubmatch(path)
		if m == nil {
			continue
		}
		params = make(map[string]string, len(o.names))
		for i, name := range o.names {
			v, err := url.PathUnescape(m[i+1])
			if err != nil {
				return nil, nil
			}
			params[name] = v
		}
		return o, params
	}
	return nil, nil
}

func unzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("unzip description: %w", err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unzip description: %w", err)
	}
	return out, nil
}

// fixDescription corrects what the description says wrongly, so that what GitHub takes and says is not called invalid.
func fixDescription(root object) {
	// An account of GET /app/installations is said to be a user and an enterprise at once; it is one of them.
	account := dig(root, "paths", "/app/installations", "get", "responses", "200", "content", "application/json", "schema", "items", "properties", "account")
	if all, ok := account["allOf"]; ok {
		account["anyOf"] = all
		delete(account, "allOf")
	}
}

// dig follows keys into an object; the result is never nil.
func dig(o object, keys ...string) object {
	for _, k := range keys {
		next, ok := o[k].(object)
		if !ok {
			return object{}
		}
		o = next
	}
	return o
}
