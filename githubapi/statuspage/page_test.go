package statuspage

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outage is the shape of https://www.githubstatus.com/api/v2/summary.json.
const outage = `{"page":{"id":"kctbh9vrtdwd","name":"GitHub"},
"status":{"indicator":"major","description":"Partial System Outage"},
"components":[{"name":"Git Operations","status":"operational"},{"name":"Actions","status":"major_outage"},{"name":"Webhooks","status":"degraded_performance"}],
"incidents":[{"name":"Incident with Actions","status":"investigating"},{"name":"Old one","status":"resolved"}],"scheduled_maintenances":[]}`

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func read(t *testing.T, url string) (Summary, error) {
	t.Helper()
	r, err := New(url)
	if err != nil {
		t.Fatal(err)
	}
	return r.Read(context.Background())
}

func TestRead(t *testing.T) {
	got, err := read(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, outage) }))
	if err != nil {
		t.Fatal(err)
	}
	want := Summary{
		Indicator: "major", Description: "Partial System Outage", Degraded: []string{"Actions: major_outage", "Webhooks: degraded_performance"},
		Incidents: []string{"Incident with Actions (investigating)"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if s := got.String(); s != "Partial System Outage: Incident with Actions (investigating)" {
		t.Error(s)
	}
}

func TestNoUsableAnswer(t *testing.T) {
	fill := func(n int) string {
		frame := `{"status":{"indicator":"none","description":""},"page":"` + `"}`
		return `{"status":{"indicator":"none","description":""},"page":"` + strings.Repeat("x", n-len(frame)) + `"}`
	}
	for name, c := range map[string]struct {
		body   string
		status int
		ok     bool
	}{
		"not JSON":     {"<html>", 200, false},
		"no indicator": {"{}", 200, false},
		"refused":      {outage, 503, false},
		"at the limit": {fill(MaxBytes), 200, true},
		"over it":      {fill(MaxBytes + 1), 200, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			if (err == nil) != c.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

// A name that leads inside, and a redirect that does, are not followed.
func TestOnlyPublicAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"140.82.112.18:443": true, "[2606:50c0:8000::153]:443": true, "127.0.0.1:443": false, "10.0.0.1:443": false, "192.168.1.1:443": false,
		"172.16.0.1:443": false, "169.254.169.254:80": false, "100.100.100.200:80": false, "0.0.0.0:80": false, "[::1]:443": false,
		"[fd00::1]:443": false, "[fe80::1]:443": false, "[::ffff:10.0.0.1]:443": false, "224.0.0.1:80": false, "255.255.255.255:80": false, "name:443": false,
		"[64:ff9b::a9fe:a9fe]:80": false, "[64:ff9b:1::1]:80": false, "[2002:7f00:1::]:80": false, "[::127.0.0.1]:80": false, "[2001::1]:80": false,
		"192.0.0.192:80": false, "198.18.0.1:80": false, "198.19.255.255:80": false, "198.20.0.0:80": true, "0.1.2.3:80": false, "1.0.0.0:80": true,
		"240.0.0.1:80": false, "[fec0::1]:80": false, "[fe80::1%eth0]:80": false, "[3fff::1]:80": false, "203.0.113.9:80": false,
	} {
		if got := allowed(address, false) == nil; got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if _, err := read(t, "https://localhost:1/"); err == nil || !strings.Contains(err.Error(), "not a public address") {
		t.Errorf("a name of this machine was connected to: %v", err)
	}
	asked := false
	inside := serve(t, func(http.ResponseWriter, *http.Request) { asked = true })
	_, err := read(t, serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside, http.StatusFound) }))
	if err == nil || asked {
		t.Errorf("a redirect to another host was followed: %v", err)
	}
}

// The reason phrase of a status line is text of the page's, and not shown.
func TestReasonPhraseIsNotShown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = bufio.NewReader(c).ReadString('\n')
		_, _ = c.Write([]byte("HTTP/1.1 503 \x1b[31mAll is well\u202e\r\nContent-Length: 0\r\n\r\n"))
		_ = c.Close()
	}()
	_, err = read(t, "http://"+l.Addr().String()+"/")
	if want := "read status page: it answers 503 Service Unavailable"; err == nil || err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, url := range []string{"", "githubstatus.com", "http://www.githubstatus.com/", "https://u:p@x/", "ftp://x/", "https://x/#y", "http://localhost/", ":"} {
		if _, err := New(url); err == nil {
			t.Errorf("%q was accepted", url)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(outage))
	f.Add([]byte(`{"status":{"indicator":"\u001b[31m\u202e","description":"` + strings.Repeat("é", 300) + `"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := Parse(body)
		if err != nil {
			return
		}
		for _, text := range append([]string{s.Indicator, s.Description}, append(s.Degraded, s.Incidents...)...) {
			if len([]rune(text)) > maxText || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x1b || r == 0x202e }) {
				t.Errorf("%q", text)
			}
		}
		if len(s.Degraded) > maxList || len(s.Incidents) > maxList {
			t.Errorf("%+v", s)
		}
	})
}
