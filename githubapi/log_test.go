package githubapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestFetchLog(t *testing.T) {
	f := setup(t)
	f.mux.HandleFunc("GET /logs/1", func(w http.ResponseWriter, r *http.Request) {
		if a := r.Header.Get("Authorization"); a != "" || r.URL.Query().Get("sig") != "s3cret" {
			t.Errorf("asked with authorization %q, query %q", a, r.URL.RawQuery)
		}
		w.Write([]byte("0123456789"))
	})
	f.mux.HandleFunc("GET /logs/parts", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "log.txt", time.Time{}, strings.NewReader("0123456789"))
	})
	f.mux.HandleFunc("GET /logs/unsized", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("01234"))
		w.(http.Flusher).Flush()
		w.Write([]byte("56789"))
	})
	f.mux.HandleFunc("GET /logs/wrong", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" { // a part that was not asked for
			w.Header().Set("Content-Range", "bytes 0-8/10")
			w.WriteHeader(http.StatusPartialContent)
			w.Write([]byte("012345678"))
			return
		}
		w.Write([]byte("0123456789"))
	})
	f.mux.HandleFunc("GET /logs/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/logs/1?sig=s3cret", http.StatusFound)
	})
	f.mux.HandleFunc("GET /logs/loop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/logs/loop?sig=s3cret", http.StatusFound)
	})
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("plain http to another host") }))
	defer other.Close()
	f.mux.HandleFunc("GET /logs/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/x?sig=s3cret", http.StatusFound)
	})

	for name, tc := range map[string]struct {
		link  string
		limit int
		want  string
		cut   bool
		fails string
	}{
		"whole":            {f.srv.URL + "/logs/1?sig=s3cret", 11, "0123456789", false, ""},
		"at the limit":     {f.srv.URL + "/logs/1?sig=s3cret", 10, "0123456789", false, ""},
		"over the limit":   {f.srv.URL + "/logs/1?sig=s3cret", 9, "012345678", true, ""},
		"parts at limit":   {f.srv.URL + "/logs/parts?sig=s3cret", 10, "0123456789", false, ""},
		"the end of parts": {f.srv.URL + "/logs/parts?sig=s3cret", 9, "123456789", true, ""},
		"without a size":   {f.srv.URL + "/logs/unsized?sig=s3cret", 9, "012345678", true, ""},
		"the wrong part":   {f.srv.URL + "/logs/wrong?sig=s3cret", 9, "012345678", true, ""},
		"moved":            {f.srv.URL + "/logs/moved?sig=s3cret", 10, "0123456789", false, ""},
		"gone":             {f.srv.URL + "/logs/2?sig=s3cret", 10, "", false, "status 404"},
		"a loop":           {f.srv.URL + "/logs/loop?sig=s3cret", 10, "", false, "too many redirects"},
		"plain http":       {other.URL + "/x?sig=s3cret", 10, "", false, "not https"},
		"plain http later": {f.srv.URL + "/logs/away?sig=s3cret", 10, "", false, "not https"},
		"a file":           {"file:///etc/passwd?sig=s3cret", 10, "", false, "no link"},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(tc.link)
			if err != nil {
				t.Fatal(err)
			}
			got, cut, err := f.clients.FetchLog(context.Background(), u, tc.limit)
			if string(got) != tc.want || cut != tc.cut {
				t.Errorf("%q, cut %v, want %q, %v", got, cut, tc.want, tc.cut)
			}
			if (err != nil) != (tc.fails != "") || err != nil && !strings.Contains(err.Error(), tc.fails) {
				t.Errorf("error %v, want %q", err, tc.fails)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the link's secret is in the error: %v", err)
			}
		})
	}
}
