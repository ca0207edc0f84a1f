package githubapi

import (
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestParseLimit(t *testing.T) {
	at := func(d time.Duration) string { return strconv.FormatInt(noon.Add(d).Unix(), 10) }
	const secondary = `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}`
	type headers map[string]string
	for name, tc := range map[string]struct {
		status    int
		headers   headers
		body      string
		limit     bool
		secondary bool
		wait      time.Duration // 0: not named
	}{
		"primary 403":                      {403, headers{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(10 * time.Minute)}, "", true, false, 10 * time.Minute},
		"primary 429":                      {429, headers{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(10 * time.Minute)}, "", true, false, 10 * time.Minute},
		"primary, reset is past":           {403, headers{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(-time.Minute)}, "", true, false, time.Second},
		"primary, no reset":                {403, headers{"X-RateLimit-Remaining": "0"}, "", true, false, 0},
		"primary, reset at 2 h":            {403, headers{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(2 * time.Hour)}, "", true, false, 2 * time.Hour},
		"primary, reset in days":           {403, headers{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(72 * time.Hour)}, "", true, false, 2 * time.Hour},
		"our clock is a day behind":        {403, headers{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(24*time.Hour + time.Minute), "Date": noon.Add(24 * time.Hour).Format(http.TimeFormat)}, "", true, false, time.Minute},
		"our clock is a day ahead":         {403, headers{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(-24*time.Hour + time.Minute), "Date": noon.Add(-24 * time.Hour).Format(http.TimeFormat)}, "", true, false, time.Minute},
		"retry-after 403":                  {403, headers{"Retry-After": "30"}, "", true, true, 30 * time.Second},
		"retry-after 429":                  {429, headers{"Retry-After": "30"}, "", true, true, 30 * time.Second},
		"retry-after beats reset":          {403, headers{"Retry-After": "30", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(time.Hour)}, "", true, true, 30 * time.Second},
		"retry-after 0":                    {429, headers{"Retry-After": "0"}, "", true, true, time.Second},
		"retry-after negative":             {429, headers{"Retry-After": "-5"}, "", true, true, 0},
		"retry-after a date":               {429, headers{"Retry-After": noon.Add(time.Minute).Format(http.TimeFormat)}, "", true, true, time.Minute},
		"retry-after nonsense":             {429, headers{"Retry-After": "soon"}, "", true, true, 0},
		"retry-after 7199 s":               {429, headers{"Retry-After": "7199"}, "", true, true, 7199 * time.Second},
		"retry-after 7201 s":               {429, headers{"Retry-After": "7201"}, "", true, true, 2 * time.Hour},
		"retry-after beyond int":           {429, headers{"Retry-After": "99999999999999999999"}, "", true, true, 0},
		"retry-after at int64":             {429, headers{"Retry-After": "9223372036854775807"}, "", true, true, 2 * time.Hour},
		"429 and nothing else":             {429, nil, "", true, true, 0},
		"403 by its message":               {403, headers{"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": at(time.Hour)}, secondary, true, true, 0},
		"403 by its documentation":         {403, nil, `{"message":"No","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`, true, true, 0},
		"403 of old":                       {403, nil, `{"message":"You have triggered an abuse detection mechanism."}`, true, true, 0},
		"403 of a permission":              {403, headers{"X-RateLimit-Remaining": "4000"}, `{"message":"Resource not accessible by integration"}`, false, false, 0},
		"404 with remaining 0":             {404, headers{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at(time.Hour)}, "", false, false, 0},
		"503 with retry-after is no limit": {503, headers{"Retry-After": "30"}, "", false, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range tc.headers {
				h.Set(k, v)
			}
			e, ok := parseLimit(tc.status, h, []byte(tc.body), noon)
			if ok != tc.limit {
				t.Fatalf("limit: %v, want %v", ok, tc.limit)
			}
			if !ok {
				return
			}
			want := LimitError{Secondary: tc.secondary, Status: tc.status}
			if tc.wait != 0 {
				want.Until = noon.Add(tc.wait)
			}
			if diff := cmp.Diff(want, e); diff != "" {
				t.Errorf("limit (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnnamedWaitGrows(t *testing.T) {
	var got []time.Duration
	for _, strike := range []int{1, 2, 3, 6, 7, 8, 1000, math.MaxInt} {
		got = append(got, unnamedWait(strike)/time.Minute)
	}
	if diff := cmp.Diff([]time.Duration{1, 2, 4, 32, 60, 60, 60, 60}, got); diff != "" {
		t.Errorf("minutes (-want +got):\n%s", diff)
	}
}

// Whatever the headers hold, the wait is between a second and two hours.
func FuzzLimitHeaders(f *testing.F) {
	f.Add(403, "0", "1767355200", "30", "Fri, 02 Jan 2026 12:00:00 GMT", `{"message":"x"}`)
	f.Add(429, "", "-1", "9223372036854775807", "", "")
	f.Add(403, "0", "9223372036854775807", "", "Mon, 01 Jan 0001 00:00:00 GMT", "[")
	f.Add(429, "0", "1", "Fri, 31 Dec 9999 23:59:59 GMT", "nonsense", "{}")
	f.Fuzz(func(t *testing.T, status int, remaining, reset, retry, date, body string) {
		h := http.Header{}
		h.Set("X-RateLimit-Remaining", remaining)
		h.Set("X-RateLimit-Reset", reset)
		h.Set("Retry-After", retry)
		h.Set("Date", date)
		e, ok := parseLimit(status, h, []byte(body), noon)
		if !ok {
			if status == http.StatusTooManyRequests {
				t.Error("429 is no limit")
			}
			return
		}
		if !e.Until.IsZero() && (e.Until.Before(noon.Add(minWait)) || e.Until.After(noon.Add(maxWait))) {
			t.Errorf("until %s", e.Until)
		}
	})
}
