package githubtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// appKey is made once a process: generating an RSA key takes longer than most tests.
var appKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// PrivateKeyPEM is the App's private key in the form GitHub lets people download.
func (s *Server) PrivateKeyPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(s.key)})
}

type token struct {
	text         string
	installation int64
	permissions  map[string]string
	repos        map[int64]bool // nil: all of the installation
	expires      time.Time
}

// credentials are what a request proves about its sender.
type credentials struct {
	app     bool   // a valid JWT of the App
	token   *token // a living installation token
	refused string // why what was sent is no good
}

func (s *Server) authenticate(r *http.Request) credentials {
	kind, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if text == "" {
		return credentials{}
	}
	if !strings.EqualFold(kind, "bearer") && !strings.EqualFold(kind, "token") {
		return credentials{refused: "Bad credentials"}
	}
	text = strings.TrimSpace(text)
	if t := s.tokens[text]; t != nil {
		i := s.installation(t.installation)
		if i == nil || i.suspended != "" || !s.cfg.TokenClock.Now().Before(t.expires) {
			return credentials{refused: "Bad credentials"}
		}
		return credentials{token: t}
	}
	if strings.HasPrefix(text, "ghs_") || strings.Count(text, ".") != 2 {
		return credentials{refused: "Bad credentials"}
	}
	if refused := s.verifyJWT(text); refused != "" {
		return credentials{refused: refused}
	}
	return credentials{app: true}
}

const undecodable = "A JSON web token could not be decoded"

// verifyJWT applies GitHub's rules for an App's token: RS256, iss is the App, exp at most ten minutes ahead, iat not ahead.
// A clock that is off by up to 5 s is forgiven.
func (s *Server) verifyJWT(text string) (refused string) {
	part := strings.Split(text, ".")
	var header struct{ Alg string }
	var claims struct {
		Iss      any
		Exp, Iat float64
	}
	sig, err := base64.RawURLEncoding.DecodeString(part[2])
	if err != nil || !decodePart(part[0], &header) || !decodePart(part[1], &claims) || header.Alg != "RS256" {
		return undecodable
	}
	sum := sha256.Sum256([]byte(part[0] + "." + part[1]))
	if err := rsa.VerifyPKCS1v15(&s.key.PublicKey, crypto.SHA256, sum[:], sig); err != nil {
		return undecodable
	}
	iss := fmt.Sprint(claims.Iss)
	if n, ok := claims.Iss.(float64); ok {
		iss = strconv.FormatInt(int64(n), 10)
	}
	now := float64(s.cfg.TokenClock.Now().Unix())
	switch {
	case iss != strconv.FormatInt(s.AppID, 10) && iss != s.clientID():
		return "Integration not found"
	case claims.Exp <= now:
		return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
	case claims.Exp > now+605:
		return "'Expiration time' claim ('exp') is too far in the future"
	case claims.Iat == 0 || claims.Iat > now+5:
		return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	}
	return ""
}

func decodePart(text string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(b, v) == nil
}

func (s *Server) clientID() string { return fmt.Sprintf("Iv23li%014d", s.AppID) }

// issueToken makes an installation token of one hour in the form in use since 2026-04-27: ghs_APPID_JWT, about 520
// characters with two dots; or the 40-character one when classic.
func (s *Server) issueToken(i *installation, permissions map[string]string, repos map[int64]bool, classic bool) *token {
	text := "ghs_" + randomText(27)
	if !classic {
		text = fmt.Sprintf("ghs_%d_%s.%s.%s", s.AppID, randomText(27), randomText(292), randomText(64))
	}
	if permissions == nil {
		permissions = maps.Clone(i.permissions)
	}
	t := &token{text: text, installation: i.id, permissions: permissions, repos: repos, expires: s.cfg.TokenClock.Now().Add(time.Hour)}
	s.tokens[text] = t
	return t
}

func randomText(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	return base64.RawURLEncoding.EncodeToString(b)
}

// RotateTokens makes every installation token issued so far invalid, as if each had expired.
func (s *Server) RotateTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
	s.notify()
}
