package handlers

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var eventTypes = []reflect.Type{
	reflect.TypeFor[pushEvent](), reflect.TypeFor[workflowRunEvent](), reflect.TypeFor[checkRunEvent](),
	reflect.TypeFor[checkSuiteEvent](), reflect.TypeFor[pullRequestEvent](), reflect.TypeFor[issueCommentEvent](),
	reflect.TypeFor[repositoryDispatchEvent](), reflect.TypeFor[installationEvent](), reflect.TypeFor[installationRepositoriesEvent](),
}

func TestTrim(t *testing.T) {
	type inner struct {
		ID  int64           `json:"id"`
		Raw json.RawMessage `json:"raw"`
	}
	type outer struct {
		envelope
		Inner *inner   `json:"inner"`
		List  []inner  `json:"list"`
		Names []string `json:"names"`
	}
	for name, tt := range map[string]struct{ in, want string }{
		"others are left out":  {`{"x":{"id":1},"inner":{"id":1,"x":"}"},"y":[]}`, `{"inner":{"id":1}}`},
		"embedded struct":      {`{ "action" : "a" , "sender":{"login":"l","url":"u"} }`, `{"action":"a","sender":{"login":"l"}}`},
		"elements of a list":   {`{"list":[{"id":1,"x":2},null,{"x":3}]}`, `{"list":[{"id":1},null,{}]}`},
		"list of text":         {`{"names":["a","b\\\""]}`, `{"names":["a","b\\\""]}`},
		"raw is kept whole":    {`{"inner":{"raw":{"x":[1, 2]}}}`, `{"inner":{"raw":{"x":[1, 2]}}}`},
		"null and other types": {`{"inner":null,"list":"text","names":{"a":1}}`, `{"inner":null,"list":"text","names":{"a":1}}`},
		"escaped name":         {`{"\u0061ction":"a"}`, `{"\u0061ction":"a"}`},
		"twice":                {`{"action":"a","action":"b"}`, `{"action":"a","action":"b"}`},
		"empty":                {``, ``},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, string(trim([]byte(tt.in), shapeFor(reflect.TypeFor[outer]())))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// FuzzTrim compares with decoding everything. Names that differ in case only,
// which encoding/json takes for the same and GitHub never sends, are left out.
func FuzzTrim(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, typ := range eventTypes {
			trimmed := trim(payload, shapeFor(typ)) // must not panic, whatever it is
			if !json.Valid(payload) {
				continue
			}
			if !json.Valid(trimmed) {
				t.Fatalf("%s: %q became %q", typ, payload, trimmed)
			}
			want, got := reflect.New(typ).Interface(), reflect.New(typ).Interface()
			if json.Unmarshal(payload, want) != nil || foldedNames(payload, shapeFor(typ)) {
				continue
			}
			if err := json.Unmarshal(trimmed, got); err != nil {
				t.Fatalf("%s: %v", typ, err)
			}
			if !reflect.DeepEqual(want, got) {
				t.Errorf("%s: %q\nall:     %+v\ntrimmed: %+v", typ, payload, want, got)
			}
		}
	})
}

// foldedNames reports whether a name in payload equals one of s in another case.
func foldedNames(payload []byte, s shape) bool {
	names := map[string]bool{}
	var add func(shape)
	add = func(s shape) {
		for name, inner := range s {
			names[name] = true
			add(inner)
		}
	}
	add(s)
	for dec := json.NewDecoder(bytes.NewReader(payload)); ; {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		text, ok := token.(string)
		if !ok || names[text] {
			continue
		}
		for name := range names {
			if strings.EqualFold(name, text) {
				return true
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	data, err := os.ReadFile("testdata/workflow_run.json")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode[*workflowRunEvent](data); err != nil {
			b.Fatal(err)
		}
	}
}
