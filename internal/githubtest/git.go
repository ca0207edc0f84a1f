package githubtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// gitRepo is a bare repository. Reading goes through one long-lived `git cat-file`, which sees every change of the
// repository at once and answers in well under a millisecond.
type gitRepo struct {
	dir string

	mu     sync.Mutex
	closed bool
	reader *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	diffs  map[string][]changedFile // by both commits: they never change
}

// gitEnv keeps the machine's and the user's git configuration out.
func gitEnv() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
}

func newGit(dir string) (*gitRepo, error) {
	g := &gitRepo{dir: dir, diffs: map[string][]changedFile{}}
	_, err := runGit("", nil, "init", "-q", "--bare", "-b", "main", dir)
	return g, err
}

// copyGit clones a local repository; its HEAD becomes main.
func copyGit(from, dir string) (*gitRepo, error) {
	g := &gitRepo{dir: dir, diffs: map[string][]changedFile{}}
	if _, err := runGit("", nil, "clone", "-q", "--bare", "--no-hardlinks", from, dir); err != nil {
		return nil, err
	}
	if _, err := g.run(nil, "update-ref", "refs/heads/main", "HEAD"); err != nil {
		return nil, err
	}
	_, err := g.run(nil, "symbolic-ref", "HEAD", "refs/heads/main")
	return g, err
}

func (g *gitRepo) run(stdin []byte, args ...string) ([]byte, error) {
	return runGit(g.dir, stdin, args...)
}

func runGit(dir string, stdin []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(context.Background(), "git", args...)
	cmd.Dir, cmd.Env, cmd.Stdin = dir, gitEnv(), bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// ask sends one line to the reader and returns the header of its answer, and the content when that was asked for.
func (g *gitRepo) ask(verb, name string) (sha, kind string, size int, content []byte, err error) {
	if strings.ContainsAny(name, "\n\x00") {
		return "", "", 0, nil, errMissing
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return "", "", 0, nil, errors.New("the double is closed")
	}
	if g.reader == nil {
		if err := g.open(); err != nil {
			return "", "", 0, nil, err
		}
	}
	if _, err := fmt.Fprintf(g.in, "%s %s\n", verb, name); err != nil {
		return "", "", 0, nil, fmt.Errorf("ask git cat-file: %w", err)
	}
	line, err := g.out.ReadString('\n')
	if err != nil {
		return "", "", 0, nil, fmt.Errorf("read git cat-file: %w", err)
	}
	f := strings.Fields(line)
	if len(f) != 3 || len(f[0]) != 40 {
		return "", "", 0, nil, errMissing
	}
	if size, err = strconv.Atoi(f[2]); err != nil {
		return "", "", 0, nil, errMissing
	}
	if verb == "contents" {
		content = make([]byte, size+1)
		if _, err := io.ReadFull(g.out, content); err != nil {
			return "", "", 0, nil, fmt.Errorf("read git cat-file: %w", err)
		}
		content = content[:size]
	}
	return f[0], f[1], size, content, nil
}

var errMissing = errors.New("no such git object")

func (g *gitRepo) open() error {
	cmd := exec.CommandContext(context.Background(), "git", "cat-file", "--batch-command")
	cmd.Dir, cmd.Env = g.dir, gitEnv()
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start git cat-file: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start git cat-file: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start git cat-file: %w", err)
	}
	g.reader, g.in, g.out = cmd, in, bufio.NewReader(out)
	return nil
}

func (g *gitRepo) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	if g.reader != nil {
		_ = g.in.Close() // it ends at the end of its input
		_ = g.reader.Wait()
		g.reader = nil
	}
}

// find resolves a revision to an object; "" when there is none. Pushed names are data: they reach git through a pipe.
func (g *gitRepo) find(rev string) (sha, kind string, size int) {
	sha, kind, size, _, err := g.ask("info", rev)
	if err != nil {
		return "", "", 0
	}
	return sha, kind, size
}

// commitOf resolves what GitHub takes for a ref: a SHA, a branch, a tag or a full ref.
func (g *gitRepo) commitOf(ref string) string {
	if ref == "" || strings.ContainsAny(ref, "^~: ") || strings.Contains(ref, "@{") || strings.Contains(ref, "..") { // git's own notation
		return ""
	}
	for _, r := range []string{ref, "refs/heads/" + ref, "refs/tags/" + ref, "refs/" + ref} {
		if sha, kind, _ := g.find(r + "^{commit}"); kind == "commit" {
			return sha
		}
	}
	return ""
}

func (g *gitRepo) branch(name string) string {
	sha, _, _ := g.find("refs/heads/" + name + "^{commit}")
	return sha
}

func (g *gitRepo) content(rev string) ([]byte, error) {
	_, _, _, b, err := g.ask("contents", rev)
	return b, err
}

// Deleted as the content of a file in a push removes the file.
const Deleted = "\x00deleted"

// change is a commit to be made: files by path, and paths that move with their content.
type change struct {
	files   map[string]string
	renames map[string]string // from -> to
	message string
	author  string
	when    time.Time
}

// commit writes a commit on top of parent ("" for none) and moves the ref to it.
func (g *gitRepo) commit(ref, parent string, c change) (string, error) {
	var b bytes.Buffer
	who := fmt.Sprintf("%s <%s@example.com> %d +0000", c.author, c.author, c.when.Unix())
	fmt.Fprintf(&b, "commit %s\nmark :1\nauthor %s\ncommitter %s\ndata %d\n%s\n", ref, who, who, len(c.message), c.message)
	if parent != "" {
		fmt.Fprintf(&b, "from %s\n", parent)
	}
	for from, to := range c.renames {
		fmt.Fprintf(&b, "R %s %s\n", quote(from), quote(to))
	}
	for path, content := range c.files {
		if content == Deleted {
			fmt.Fprintf(&b, "D %s\n", quote(path))
		} else {
			fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", quote(path), len(content), content)
		}
	}
	b.WriteString("\nget-mark :1\n")
	out, err := g.run(b.Bytes(), "fast-import", "--quiet", "--force")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}

func quote(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}
