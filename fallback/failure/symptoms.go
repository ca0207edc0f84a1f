package failure

import "strings"

// Kind is what a symptom speaks of.
type Kind string

// The kinds of symptoms. All of them are the infrastructure's.
const (
	Network Kind = "network"    // a connection was not made, or broke
	Limit   Kind = "rate limit" // somebody wants to hear less of us
	Runner  Kind = "runner"     // the machine of the job was lost
)

// Symptom is a text that tells trouble of the infrastructure from a mistake of
// the repository's.
type Symptom struct {
	Kind Kind
	// Text is looked for in lines without regard to case.
	Text string
	// Example is a line as it was printed, Source who prints it or where it was seen.
	Example, Source string
}

// Symptoms are the texts that make a failure the infrastructure's. They are
// whole phrases of programs that people use in workflows. What a repository's
// own server under test can cause as well is left out: "connection refused",
// "timeout", a bare "500".
var Symptoms = []Symptom{
	{Network, "could not resolve host", "fatal: unable to access 'https://github.com/a/b/': Could not resolve host: github.com", "curl 6, git"},
	{Network, "could not resolve proxy", "curl: (5) Could not resolve proxy: proxy", "curl 5"},
	{Network, "temporary failure in name resolution", "E: Temporary failure in name resolution", "glibc EAI_AGAIN"},
	{Network, "temporary failure resolving", "Temporary failure resolving 'archive.ubuntu.com'", "apt"},
	{Network, "getaddrinfo eai_again", "npm ERR! request to https://registry.npmjs.org/x failed, reason: getaddrinfo EAI_AGAIN registry.npmjs.org", "Node.js"},
	{Network, "getaddrinfo enotfound", "Error: getaddrinfo ENOTFOUND api.github.com", "Node.js"},
	{Network, "server misbehaving", "dial tcp: lookup proxy.golang.org on 127.0.0.53:53: server misbehaving", "Go net"},
	{Network, "econnreset", "npm ERR! code ECONNRESET", "Node.js; actions/runner-images#3737"},
	{Network, "npm err! network", "npm ERR! network This is a problem related to network connectivity.", "npm up to 9; npm/cli#8015"},
	{Network, "npm error network", "npm error network aborted", "npm from 10"},
	{Network, "err_socket_timeout", "npm ERR! code ERR_SOCKET_TIMEOUT", "npm"},
	{Network, "socket hang up", "Error: socket hang up", "Node.js http"},
	{Network, "connection reset by peer", "curl: (56) Recv failure: Connection reset by peer", "POSIX ECONNRESET"},
	{Network, "connection timed out", "ssh: connect to host github.com port 22: Connection timed out", "POSIX ETIMEDOUT"},
	{Network, "connect etimedout", "Error: connect ETIMEDOUT 140.82.112.3:443", "Node.js"},
	{Network, "network is unreachable", "connect: network is unreachable", "POSIX ENETUNREACH"},
	{Network, "no route to host", "ssh: connect to host example.org port 22: No route to host", "POSIX EHOSTUNREACH"},
	{Network, "tls handshake timeout", "Get \"https://registry-1.docker.io/v2/\": net/http: TLS handshake timeout", "Go net/http"},
	{Network, "client.timeout exceeded while awaiting headers", "context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "Go net/http"},
	{Network, "request canceled while waiting for connection", "net/http: request canceled while waiting for connection", "Go net/http"},
	{Network, "ssl_error_syscall", "OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to github.com:443", "OpenSSL, curl 35"},
	{Network, "the ssl connection could not be established", "Error: The SSL connection could not be established, see inner exception.", ".NET, the runner itself; actions-runner-controller#3325"},
	{Network, "unexpected disconnect while reading sideband packet", "fetch-pack: unexpected disconnect while reading sideband packet", "git"},
	{Network, "the remote end hung up unexpectedly", "fatal: the remote end hung up unexpectedly", "git"},
	{Network, "rpc failed; ", "error: RPC failed; HTTP 408 curl 18 HTTP/2 stream 7 was reset", "git"},
	{Network, "the requested url returned error: 5", "fatal: unable to access 'https://github.com/a/b/': The requested URL returned error: 502", "git, curl 22"},
	{Network, "max retries exceeded with url", "HTTPSConnectionPool(host='pypi.org', port=443): Max retries exceeded with url: /simple/pip/", "Python urllib3"},
	{Network, "read timed out.", "ReadTimeoutError: HTTPSConnectionPool(host='files.pythonhosted.org', port=443): Read timed out.", "Python urllib3"},
	{Network, "remote end closed connection without response", "http.client.RemoteDisconnected: Remote end closed connection without response", "Python http.client"},
	{Network, "java.net.sockettimeoutexception", "Caused by: java.net.SocketTimeoutException: Read timed out", "Java"},
	{Network, "java.net.unknownhostexception", "java.net.UnknownHostException: repo.maven.apache.org", "Java"},
	{Network, "spurious network error", "warning: spurious network error (3 tries remaining): [6] Couldn't resolve host name", "cargo"},
	{Network, "e: failed to fetch http", "E: Failed to fetch http://archive.ubuntu.com/ubuntu/pool/x.deb  Connection failed", "apt"},
	{Network, "unexpected http status: 5", "error pulling image: received unexpected HTTP status: 503 Service Unavailable", "docker"},
	{Network, "502 bad gateway", "HTTPError: 502 Bad Gateway", "RFC 9110 §15.6.3"},
	{Network, "503 service unavailable", "Server responded with 503 Service Unavailable", "RFC 9110 §15.6.4"},
	{Network, "504 gateway time", "error code: 504 Gateway Time-out", "RFC 9110 §15.6.5"},

	{Limit, "toomanyrequests", "docker: Error response from daemon: toomanyrequests: You have reached your pull rate limit.", "Docker Hub; aquasecurity/tracee#4248"},
	{Limit, "429 too many requests", "unexpected status code https://registry-1.docker.io/v2/x: 429 Too Many Requests", "RFC 6585 §4"},
	{Limit, "status code 429", "Request failed with status code 429", "axios"},
	{Limit, "returned error: 429", "curl: (22) The requested URL returned error: 429", "curl 22"},
	{Limit, "api rate limit exceeded", "HttpError: API rate limit exceeded for installation ID 1234.", "GitHub"},
	{Limit, "secondary rate limit", "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", "GitHub"},
	{Limit, "abuse detection mechanism", "You have triggered an abuse detection mechanism.", "GitHub, before 2022"},

	{Runner, "the runner has received a shutdown signal", "##[error]The runner has received a shutdown signal. This can happen when the runner service is stopped, or a manually started runner is canceled.", "actions/runner#2427"},
	{Runner, "lost communication with the server", "The hosted runner: GitHub Actions 339 lost communication with the server.", "actions/runner-images#10401"},
	{Runner, "the hosted runner encountered an error while running your job", "The hosted runner encountered an error while running your job. (Error Type: Disconnect).", "actions/runner-images#10401"},
	{Runner, "received request to deprovision", "Received request to deprovision: The request was cancelled by the remote provider.", "actions/runner-images#10401"},
	{Runner, "no space left on device", "System.IO.IOException: No space left on device", "POSIX ENOSPC"},
	{Runner, "failed to resolve action download info", "##[error]Failed to resolve action download info. Error: Service Unavailable", "actions/runner"},
}

// symptom finds the first symptom in a line, nil when there is none.
func symptom(line string) *Symptom {
	low := strings.ToLower(line)
	for i := range Symptoms {
		if strings.Contains(low, Symptoms[i].Text) {
			return &Symptoms[i]
		}
	}
	return nil
}
