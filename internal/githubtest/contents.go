package githubtest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

const (
	maxFolder  = 1000      // entries that the contents of a folder list
	maxContent = 1 << 20   // bytes of a file that contents gives as base64
	maxBlob    = 100 << 20 // bytes that GitHub gives at all
)

var contentHandlers = map[string]handler{
	"repos/get-content":      getContent,
	"git/get-tree":           getTree,
	"git/get-blob":           getBlob,
	"git/get-ref":            getRef,
	"git/list-matching-refs": listRefs,
	"repos/list-branches":    listBranches,
}

// wantsRaw tells whether the client asked for a file's bytes instead of JSON.
func (c *call) wantsRaw() bool { return strings.Contains(c.r.Header.Get("Accept"), "raw") }

func rawAnswer(b []byte, kind string) (answer, error) {
	if b == nil {
		b = []byte{}
	}
	return answer{status: http.StatusOK, raw: b, header: map[string]string{"Content-Type": "application/vnd.github." + kind + "; charset=utf-8"}}, nil
}

// base64Lines is base64 as GitHub writes it: a line feed after each 60 characters.
func base64Lines(b []byte) string {
	t := base64.StdEncoding.EncodeToString(b)
	var out strings.Builder
	for len(t) > 0 {
		n := min(60, len(t))
		out.WriteString(t[:n] + "\n")
		t = t[n:]
	}
	return out.String()
}

func getContent(c *call) (answer, error) {
	ref := c.query.Get("ref")
	if ref == "" {
		ref = c.repo.branch
	}
	commit := c.repo.git.commitOf(ref)
	if commit == "" {
		return answer{}, refuse(http.StatusNotFound, "No commit found for the ref %s", ref)
	}
	path := strings.Trim(c.params["path"], "/")
	rev := commit + "^{tree}"
	if path != "" {
		rev = commit + ":" + path
	}
	sha, kind, size := c.repo.git.find(rev)
	switch kind {
	case "tree":
		if path != "" {
			path += "/"
		}
		entries, _, err := c.repo.git.tree(sha, path, false, maxFolder)
		if err != nil {
			return answer{}, err
		}
		items := []any{}
		for _, e := range entries {
			items = append(items, c.showEntry(e, ref))
		}
		return ok(any(items))
	case "blob":
	default:
		return answer{}, errNotFound
	}
	if size > maxBlob {
		return answer{}, &refusal{status: http.StatusForbidden, message: "This API returns blobs up to 100 MB in size.", errors: []any{object{"resource": "Blob", "field": "data", "code": "too_large"}}}
	}
	b, err := c.repo.git.content(sha)
	if err != nil {
		return answer{}, err
	}
	if c.wantsRaw() {
		return rawAnswer(b, "raw")
	}
	o := c.showEntry(treeEntry{path: path, kind: "blob", sha: sha, size: size}, ref)
	o["content"], o["encoding"] = base64Lines(b), "base64"
	if size > maxContent {
		o["content"], o["encoding"] = "", "none"
	}
	return ok(o)
}

func (c *call) showEntry(e treeEntry, ref string) object {
	kind, view, data := "file", "blob", "blobs"
	switch {
	case e.kind == "tree":
		kind, view, data = "dir", "tree", "trees"
	case e.mode == "120000":
		kind = "symlink"
	case e.kind == "commit":
		kind = "submodule"
	}
	escaped := (&url.URL{Path: e.path}).EscapedPath()
	self := c.repo.api() + "/contents/" + escaped + "?ref=" + url.QueryEscape(ref)
	html, git := c.repo.html()+"/"+view+"/"+ref+"/"+escaped, c.repo.api()+"/git/"+data+"/"+e.sha
	o := object{"name": e.path[strings.LastIndexByte(e.path, '/')+1:], "path": e.path, "sha": e.sha, "size": e.size, "url": self, "html_url": html, "git_url": git,
		"download_url": nil, "type": kind, "_links": object{"self": self, "git": git, "html": html}}
	if kind == "file" {
		o["download_url"] = c.repo.html() + "/raw/" + ref + "/" + escaped
	}
	return o
}

// getTree takes the SHA of a tree or of a commit, or a branch, as GitHub does.
func getTree(c *call) (answer, error) {
	name := c.params["tree_sha"]
	root := c.repo.git.commitOf(name)
	if root == "" {
		root = name
	}
	sha, kind, _ := c.repo.git.find(root + "^{tree}")
	if kind != "tree" {
		return answer{}, errNotFound
	}
	entries, more, err := c.repo.git.tree(sha, "", c.query.Has("recursive"), c.s.cfg.TreeLimit)
	if err != nil {
		return answer{}, err
	}
	items := []any{}
	for _, e := range entries {
		o := object{"path": e.path, "mode": e.mode, "type": e.kind, "sha": e.sha}
		if e.kind != "commit" { // a submodule lies elsewhere
			o["url"] = c.repo.api() + "/git/" + e.kind + "s/" + e.sha
		}
		if e.kind == "blob" {
			o["size"] = e.size
		}
		items = append(items, o)
	}
	return ok(object{"sha": sha, "url": c.repo.api() + "/git/trees/" + sha, "tree": items, "truncated": more})
}

var fullSHA = regexp.MustCompile(`^[0-9a-f]{40}$`)

func getBlob(c *call) (answer, error) {
	sha := c.params["file_sha"]
	if !fullSHA.MatchString(sha) {
		return answer{}, refuse(http.StatusUnprocessableEntity, "The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	}
	if _, kind, _ := c.repo.git.find(sha); kind != "blob" {
		return answer{}, errNotFound
	}
	b, err := c.repo.git.content(sha)
	if err != nil {
		return answer{}, err
	}
	if c.wantsRaw() {
		return rawAnswer(b, "raw")
	}
	return ok(object{"sha": sha, "node_id": nodeID("Blob", sha), "size": len(b), "url": c.repo.api() + "/git/blobs/" + sha, "content": base64Lines(b), "encoding": "base64"})
}

func (c *call) showRef(r gitRef) object {
	at := c.repo.api() + "/git/"
	return object{"ref": r.name, "node_id": nodeID("Ref", r.name), "url": at + r.name, "object": object{"type": r.kind, "sha": r.sha, "url": at + r.kind + "s/" + r.sha}}
}

func getRef(c *call) (answer, error) {
	refs, err := c.repo.git.refs("refs/")
	if err != nil {
		return answer{}, err
	}
	for _, r := range refs {
		if r.name == "refs/"+c.params["ref"] {
			return ok(c.showRef(r))
		}
	}
	return answer{}, errNotFound
}

func listRefs(c *call) (answer, error) {
	refs, err := c.repo.git.refs("refs/")
	if err != nil {
		return answer{}, err
	}
	items := []any{}
	for _, r := range refs {
		if strings.HasPrefix(r.name, "refs/"+c.params["ref"]) {
			items = append(items, c.showRef(r))
		}
	}
	return ok(any(items))
}

func listBranches(c *call) (answer, error) {
	refs, err := c.repo.git.refs("refs/heads/")
	if err != nil {
		return answer{}, err
	}
	return page(c, refs, "", func(r gitRef) object {
		return object{"name": strings.TrimPrefix(r.name, "refs/heads/"), "commit": object{"sha": r.sha, "url": c.repo.api() + "/commits/" + r.sha}, "protected": false}
	}), nil
}
