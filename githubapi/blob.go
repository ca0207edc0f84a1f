package githubapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-github/v62/github"
)

// ErrTooLarge is a content above the caller's limit. What was read is thrown
// away: half a workflow is another workflow.
var ErrTooLarge = errors.New("too large")

// mediaRaw asks for the bytes as they are; without it GitHub wraps them in
// base64, a third larger.
const mediaRaw = "application/vnd.github.raw+json"

// Blob reads a file's content by its git name, at most limit bytes; above that
// the error is [ErrTooLarge]. Answers are not kept in the HTTP cache: content
// under a name never changes, callers keep what they made of it.
func Blob(ctx context.Context, client *github.Client, owner, repo, blobSHA string, limit int) ([]byte, error) {
	data, err := blob(ctx, client, owner, repo, blobSHA, limit)
	if err != nil {
		return nil, fmt.Errorf("read blob %s of %s/%s: %w", blobSHA, owner, repo, err)
	}
	return data, nil
}

func blob(ctx context.Context, client *github.Client, owner, repo, blobSHA string, limit int) ([]byte, error) {
	if !objectName.MatchString(blobSHA) {
		return nil, errors.New("no name of a git object")
	}
	req, err := client.NewRequest(http.MethodGet, RepoPath(owner, repo, "git", "blobs", blobSHA), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", mediaRaw)
	resp, err := client.BareDo(uncached(ctx), req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return readLimited(resp.Body, limit)
	}
	return decodeBlob(resp.Body, limit)
}

// decodeBlob is for servers that do not know the media type. base64 with its
// line ends takes under 1.4 times the content.
func decodeBlob(r io.Reader, limit int) ([]byte, error) {
	text, err := readLimited(r, limit/5*7+4<<10)
	if err != nil {
		return nil, err
	}
	var b struct {
		Content  string `json:"content"`
		Encoding string `json:"encoding"`
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	if b.Encoding != "base64" {
		return nil, fmt.Errorf("decode answer: encoding %q", b.Encoding)
	}
	data, err := base64.StdEncoding.DecodeString(b.Content) // skips line ends
	if err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	if len(data) > limit {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(data), limit)
	}
	return data, nil
}

func readLimited(r io.Reader, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return data, nil
}
