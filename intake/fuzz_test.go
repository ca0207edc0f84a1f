package intake

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/palantir/go-githubapp/githubapp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// lastFacts keeps what would be stored.
type lastFacts struct {
	d githubapp.Dispatch
	f facts
	n int
}

func (l *lastFacts) Schedule(ctx context.Context, d githubapp.Dispatch) error {
	payload := ctx.Value(verifiedKey{}).(*verified).payload
	l.d, l.f, l.n = d, factsOf(payload), l.n+1
	return nil
}

// FuzzHandler throws signed requests of any shape at the handler: it answers
// each with one of its codes, schedules exactly what it answers 202, and only
// under keys that are fit to be keys.
func FuzzHandler(f *testing.F) {
	f.Add("workflow_run", "72d3162e-cc78-11e3-81ab-4c9367dc0958", "application/json", string(workflowRun()))
	f.Add("ping", "g", "application/x-www-form-urlencoded", "payload=%7B%7D")
	f.Add("x", "\x00", "text/plain; a=b", `{"repository":null}`)
	f.Add("push", "g", "application/json", `{"action":"\u0000\ud800","repository":{"full_name":"`+strings.Repeat("ü", 300)+`"}}`)
	f.Add("push", "g", "application/json", `{"installation":{"id":1e400},"installation":{"id":-1}}`)
	f.Fuzz(func(t *testing.T, event, guid, contentType, body string) {
		var last lastFacts
		h, err := NewHandler(Config{Secrets: []string{testSecret}, Inbox: &last, Log: zerolog.Nop(), Registerer: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/api/github/hook", strings.NewReader(body))
		r.Header.Set("X-GitHub-Event", event)
		r.Header.Set("X-GitHub-Delivery", guid)
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("X-Hub-Signature-256", newVerifier(testSecret).header([]byte(body)))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch {
		case w.Code == 400 && last.n == 0:
		case w.Code == 202 && last.n == 1:
			if !usableName(last.d.DeliveryID) || !usableName(last.d.EventType) {
				t.Errorf("scheduled event %q, delivery %q", last.d.EventType, last.d.DeliveryID)
			}
		default:
			t.Errorf("answered %d, scheduled %d", w.Code, last.n)
		}
		for _, s := range []string{last.f.action, last.f.repository} {
			if len(s) > maxRepository || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("stored text %q", s)
			}
		}
	})
}

// FuzzDecompress gives any bytes for a stored body.
func FuzzDecompress(f *testing.F) {
	f.Add(compress(make([]byte, 100<<10), workflowRun()))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0})
	f.Fuzz(func(t *testing.T, stored []byte) {
		if payload, err := decompress(stored); err == nil && len(payload) > MaxBody {
			t.Errorf("%d bytes", len(payload))
		}
	})
}
