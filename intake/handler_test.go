package intake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/store"
)

// serve puts the handler behind a real server.
func serve(t testing.TB, h *house, secrets ...string) *httptest.Server {
	t.Helper()
	if len(secrets) == 0 {
		secrets = []string{testSecret}
	}
	hook, err := NewHandler(Config{Secrets: secrets, Inbox: h.inbox, Log: zerolog.Nop(), Registerer: h.reg})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(hook)
	t.Cleanup(srv.Close)
	return srv
}

// hook is a webhook request; the zero value of a field means the usual.
type hook struct {
	method, secret, contentType string
	guid, event                 string
	body                        string
	change                      func(r *http.Request)
}

func (k hook) post(t testing.TB, srv *httptest.Server) (code int, header http.Header, text string) {
	t.Helper()
	or := func(v, usual string) string {
		if v == "" {
			return usual
		}
		return v
	}
	body := or(k.body, `{"action":"completed"}`)
	r, err := http.NewRequestWithContext(context.Background(), or(k.method, http.MethodPost), srv.URL+"/api/github/hook", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", or(k.contentType, "application/json"))
	r.Header.Set("X-GitHub-Event", or(k.event, "workflow_run"))
	r.Header.Set("X-GitHub-Delivery", or(k.guid, "72d3162e-cc78-11e3-81ab-4c9367dc0958"))
	r.Header.Set("X-Hub-Signature-256", newVerifier(or(k.secret, testSecret)).header([]byte(body)))
	if k.change != nil {
		k.change(r)
	}
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

func without(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Del(name) }
}

func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestAnswers(t *testing.T) {
	sha1 := func(r *http.Request) {
		r.Header.Del("X-Hub-Signature-256")
		r.Header.Set("X-Hub-Signature", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6")
	}
	tests := []struct {
		name    string
		hook    hook
		code    int
		outcome string
	}{
		{"stored", hook{}, 202, outcomeStored},
		{"ping", hook{event: "ping", body: `{"zen":"x"}`}, 202, outcomeStored},
		{"event of tomorrow", hook{event: "hologram_projected"}, 202, outcomeStored},
		{"empty object", hook{body: `{}`}, 202, outcomeStored},
		{"null fields", hook{body: `{"action":null,"installation":null,"repository":null}`}, 202, outcomeStored},
		{"fields of other types", hook{body: `{"action":[1],"installation":"x","repository":{"full_name":{}}}`}, 202, outcomeStored},
		{"content type with charset", hook{contentType: "application/json; charset=utf-8"}, 202, outcomeStored},
		{"form", hook{contentType: "application/x-www-form-urlencoded", body: "payload=" + url.QueryEscape(`{"action":"completed"}`)}, 202, outcomeStored},
		{"longest delivery id", hook{guid: strings.Repeat("g", maxName)}, 202, outcomeStored},

		{"no signature", hook{change: without("X-Hub-Signature-256")}, 401, outcomeUnsigned},
		{"SHA-1 only", hook{change: sha1}, 401, outcomeUnsigned},
		{"signature without its prefix", hook{change: with("X-Hub-Signature-256", strings.Repeat("a", 64))}, 401, outcomeUnsigned},
		{"signature that is no hex", hook{change: with("X-Hub-Signature-256", "sha256="+strings.Repeat("x", 64))}, 401, outcomeUnsigned},
		{"signature that is too short", hook{change: with("X-Hub-Signature-256", "sha256="+strings.Repeat("a", 62))}, 401, outcomeUnsigned},
		{"wrong secret", hook{secret: "other"}, 401, outcomeUnsigned},
		{"signed with the empty secret", hook{secret: "\x00"}, 401, outcomeUnsigned},
		{"wrong secret before all else", hook{secret: "other", event: " ", guid: " ", body: "no JSON", contentType: "image/png"}, 401, outcomeUnsigned},

		{"no event", hook{change: without("X-GitHub-Event")}, 400, outcomeInvalid},
		{"no delivery id", hook{change: without("X-GitHub-Delivery")}, 400, outcomeInvalid},
		{"delivery id with a space", hook{guid: "a b"}, 400, outcomeInvalid},
		{"delivery id not ASCII", hook{guid: "ü"}, 400, outcomeInvalid},
		{"delivery id too long", hook{guid: strings.Repeat("g", maxName+1)}, 400, outcomeInvalid},
		{"truncated JSON", hook{body: `{"action":"comp`}, 400, outcomeInvalid},
		{"no JSON", hook{body: `hello`}, 400, outcomeInvalid},
		{"no object", hook{body: `[{"action":"completed"}]`}, 400, outcomeInvalid},
		{"two objects", hook{body: `{}{}`}, 400, outcomeInvalid},
		{"no content type", hook{change: without("Content-Type")}, 400, outcomeInvalid},
		{"other content type", hook{contentType: "text/plain"}, 400, outcomeInvalid},
		{"form without payload", hook{contentType: "application/x-www-form-urlencoded", body: "x=1"}, 400, outcomeInvalid},
		{"unreadable form", hook{contentType: "application/x-www-form-urlencoded", body: "payload=%zz"}, 400, outcomeInvalid},

		{"GET", hook{method: http.MethodGet}, 405, outcomeMethod},
		{"PUT", hook{method: http.MethodPut}, 405, outcomeMethod},
	}
	h := openHouse(t)
	srv := serve(t, h)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.hook.guid == "" {
				tt.hook.guid = fmt.Sprint("g", i)
			}
			rows, before := count(t, h.store, `SELECT COUNT(*) FROM deliveries`), outcomes(t, h, tt.outcome)
			code, header, text := tt.hook.post(t, srv)
			if code != tt.code {
				t.Errorf("answered %d %q, want %d", code, text, tt.code)
			}
			if strings.Count(text, "\n") != 1 || !strings.HasPrefix(header.Get("Content-Type"), "text/plain") {
				t.Errorf("answer %q of type %q is not one line of plain text", text, header.Get("Content-Type"))
			}
			if code == 405 && header.Get("Allow") != http.MethodPost {
				t.Errorf("Allow is %q", header.Get("Allow"))
			}
			want := 0
			if tt.code == 202 {
				want = 1
			}
			if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries`) - rows; got != want {
				t.Errorf("%d deliveries stored, want %d", got, want)
			}
			if got := outcomes(t, h, tt.outcome) - before; got != 1 {
				t.Errorf("outcome %s counted %v times", tt.outcome, got)
			}
		})
	}
}

func TestStoredFields(t *testing.T) {
	h := openHouse(t)
	srv := serve(t, h)
	if code, _, _ := (hook{body: string(workflowRun()), guid: "g1"}).post(t, srv); code != 202 {
		t.Fatalf("answered %d", code)
	}
	got, err := h.store.DeliveryBody(context.Background(), "g1")
	if err != nil {
		t.Fatal(err)
	}
	body, err := decompress(got.Body)
	if err != nil || !bytes.Equal(body, workflowRun()) {
		t.Errorf("stored body differs from the sent one (%v)", err)
	}
	if got.ReceivedAt == 0 {
		t.Error("no time of receipt")
	}
	got.Delivery.ReceivedAt, got.ID = 0, 0
	want := store.Delivery{
		GUID: "g1", Event: "workflow_run", Action: "completed",
		Repository: "Codertocat/Hello-World", Size: int64(len(workflowRun())),
	}
	if diff := cmp.Diff(want, got.Delivery); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := count(t, h.store, `SELECT COUNT(*) FROM test_jobs WHERE guid = 'g1'`); got != 1 {
		t.Errorf("%d jobs, want 1", got)
	}
}

func TestInstallationID(t *testing.T) {
	for body, want := range map[string]int64{
		`{"installation":{"id":4711}}`:               4711,
		`{"installation":{"id":9007199254740993}}`:   9007199254740993, // beyond a float's exactness
		`{"installation":{"id":"4711"}}`:             0,
		`{"installation":{"id":null}}`:               0,
		`{"x":{"installation":{"id":1}}}`:            0,
		`{"x":"\"installation\":{\"id\":2}"}`:        0,
		`{"sender":{},"installation":{"node_id":1}}`: 0,
	} {
		if got := factsOf([]byte(body)).installationID; got != want {
			t.Errorf("%s: %d, want %d", body, got, want)
		}
	}
}

func TestSecretRotation(t *testing.T) {
	h := openHouse(t)
	srv := serve(t, h, "new", "old")
	for i, secret := range []string{"new", "old", "older"} {
		want := 202
		if secret == "older" {
			want = 401
		}
		for _, event := range []string{"push", "hologram_projected"} {
			code, _, text := hook{secret: secret, event: event, guid: fmt.Sprint(event, i)}.post(t, srv)
			if code != want {
				t.Errorf("%s signed with %q: %d %q, want %d", event, secret, code, text, want)
			}
		}
	}
}

func TestEmptySecretRefused(t *testing.T) {
	for _, secrets := range [][]string{nil, {}, {""}, {" "}, {"good", ""}} {
		h := openHouse(t)
		if _, err := NewHandler(Config{Secrets: secrets, Inbox: h.inbox, Log: zerolog.Nop(), Registerer: h.reg}); err == nil {
			t.Errorf("secrets %q accepted", secrets)
		}
	}
}

func TestSameDeliveryAHundredTimesAtOnce(t *testing.T) {
	h := openHouse(t)
	srv := serve(t, h)
	var mu sync.Mutex
	codes := map[int]int{}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			code, _, _ := hook{}.post(t, srv)
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	wg.Wait()
	if diff := cmp.Diff(map[int]int{202: 1, 200: 99}, codes); diff != "" {
		t.Errorf("answers (-want +got)\n%s", diff)
	}
	if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries`); got != 1 {
		t.Errorf("%d rows", got)
	}
	if got := count(t, h.store, `SELECT COUNT(*) FROM test_jobs`); got != 1 {
		t.Errorf("%d jobs", got)
	}
}
