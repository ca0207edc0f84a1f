package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"sync"

	"github.com/google/go-github/v62/github"
)

const signaturePrefix = "sha256="

// signature is the HMAC-SHA256 that a request claims for its body.
type signature [sha256.Size]byte

// claimedSignature reads X-Hub-Signature-256. X-Hub-Signature is not looked
// at: it is SHA-1, and GitHub sends it only for old receivers.
func claimedSignature(h http.Header) (s signature, ok bool) {
	v, ok := strings.CutPrefix(h.Get(github.SHA256SignatureHeader), signaturePrefix)
	if !ok || len(v) != hex.EncodedLen(len(s)) {
		return s, false
	}
	_, err := hex.Decode(s[:], []byte(v))
	return s, err == nil
}

// verifier checks bodies against one secret.
type verifier struct {
	pool sync.Pool // of hash.Hash, keyed with the secret
}

func newVerifier(secret string) *verifier {
	v := &verifier{}
	v.pool.New = func() any { return hmac.New(sha256.New, []byte(secret)) }
	return v
}

// matches compares in constant time.
func (v *verifier) matches(body []byte, claimed signature) bool {
	mac := v.sum(body)
	return hmac.Equal(mac[:], claimed[:])
}

func (v *verifier) sum(body []byte) (s signature) {
	h, _ := v.pool.Get().(hash.Hash) // New makes nothing else
	h.Reset()
	h.Write(body)
	h.Sum(s[:0])
	v.pool.Put(h)
	return s
}

// header is the value of X-Hub-Signature-256 for body.
func (v *verifier) header(body []byte) string {
	s := v.sum(body)
	return signaturePrefix + hex.EncodeToString(s[:])
}

// checkSecrets refuses what would leave the door open: go-github accepts every
// unsigned request when the secret is empty.
func checkSecrets(secrets []string) error {
	if len(secrets) == 0 {
		return errors.New("no webhook secret")
	}
	for i, s := range secrets {
		if strings.TrimSpace(s) == "" {
			return fmt.Errorf("webhook secret %d of %d is empty", i+1, len(secrets))
		}
	}
	return nil
}
