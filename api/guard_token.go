package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// guardTokenPrefix begins every guard token: "redundancy guard", version 1.
const guardTokenPrefix = "rg1."

// GuardToken is the token under which workflows of one repository ask for its
// claims: "rg1.<repository id>.<MAC>". It opens nothing else, and is valid as
// long as the API token from which it is derived.
func GuardToken(apiToken string, repoID int64) string {
	mac := hmac.New(sha256.New, []byte(apiToken))
	fmt.Fprintf(mac, "redundancy guard token 1|%d", repoID)
	return guardTokenPrefix + strconv.FormatInt(repoID, 10) + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// guardRepo is the repository of a guard token; ok is false when the token is
// not one that apiToken gives.
func guardRepo(apiToken, given string) (repoID int64, ok bool) {
	rest, is := strings.CutPrefix(given, guardTokenPrefix)
	if !is || apiToken == "" {
		return 0, false
	}
	id, _, _ := strings.Cut(rest, ".")
	repoID, err := strconv.ParseInt(id, 10, 64)
	if err != nil || repoID <= 0 {
		return 0, false
	}
	// Of equal length always, so that the comparison takes the same time.
	want, got := sha256.Sum256([]byte(GuardToken(apiToken, repoID))), sha256.Sum256([]byte(given))
	return repoID, hmac.Equal(want[:], got[:])
}

// claimant lets a request for claims through when it carries the API token, or
// a guard token: the handler gets the repository that it is limited to, 0 for none.
func (s *server) claimant(next func(w http.ResponseWriter, r *http.Request, repoID int64)) http.Handler {
	all := bearer(s.cfg.Token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next(w, r, 0) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if repoID, ok := guardRepo(s.cfg.Token, given); ok {
			next(w, r, repoID)
			return
		}
		all.ServeHTTP(w, r)
	})
}
