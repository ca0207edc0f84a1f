package main

import (
	"context"
	"crypto/x509"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// plain is an error in the words of whoever runs the program. Wrapped causes
// come from the system and from libraries, which name calls, not what to do.
func plain(err error) string {
	text := err.Error()
	for _, part := range leaves(err) {
		if said := sentence(part); said != "" {
			text = strings.Replace(text, part.Error(), said, 1)
		}
	}
	// Of the SQLite driver, which has no type for it that could be asked here.
	return strings.NewReplacer(
		"file is not a database (26)", "the file is no database: name another one, or move it away",
		"database disk image is malformed (11)", "the file is damaged: put a backup in its place",
		"attempt to write a readonly database (8)", "the file cannot be written: check its owner and mode",
	).Replace(text)
}

// leaves are the errors within err that a sentence can stand for, the outermost
// of each branch.
func leaves(err error) []error {
	switch err := err.(type) { //nolint:errorlint // each link of the chain is looked at
	case nil:
		return nil
	case *fs.PathError, *net.OpError, *net.DNSError, *time.ParseError, *strconv.NumError, *csv.ParseError:
		return []error{err}
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range err.Unwrap() {
			all = append(all, leaves(one)...)
		}
		return all
	}
	return leaves(errors.Unwrap(err))
}

// sentence says what a system's error is about and what to do; "" when it says
// so itself.
func sentence(err error) string {
	var path *fs.PathError
	var host *net.DNSError
	var call *net.OpError
	var moment *time.ParseError
	var number *strconv.NumError
	var table *csv.ParseError
	switch {
	case errors.As(err, &moment):
		return fmt.Sprintf("%q is no time: write it as 2026-12-01T22:00:00Z", moment.Value)
	case errors.As(err, &number):
		return fmt.Sprintf("%q is no whole number, or too large", number.Num)
	case errors.As(err, &table) && errors.Is(table.Err, csv.ErrFieldCount):
		return fmt.Sprintf("line %d has more or fewer fields than the first", table.Line)
	case errors.As(err, &table):
		return fmt.Sprintf("line %d, column %d: a quotation mark is missing or too many", table.Line, table.Column)
	case errors.As(err, &path):
		if path.Op == "mkdir" && errors.Is(path.Err, fs.ErrNotExist) {
			return path.Path + " cannot be made there: choose another place"
		}
		if why := pathTrouble(path.Err); why != "" {
			return path.Path + " " + why
		}
	case errors.As(err, &host) && host.IsNotFound:
		return fmt.Sprintf("there is no host %s: check the spelling", host.Name)
	case errors.As(err, &host):
		return fmt.Sprintf("the name %s cannot be looked up: check the network and its name server", host.Name)
	case errors.As(err, &call) && call.Op == "listen":
		return listenTrouble(call)
	case errors.As(err, &call):
		return connectTrouble(call)
	}
	return ""
}

// pathTrouble continues "PATH …".
func pathTrouble(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "does not exist: check the spelling"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("is not open to uid %d: check its owner and mode", os.Geteuid())
	case errors.Is(err, syscall.EISDIR):
		return "is a directory: name a file"
	case errors.Is(err, syscall.ENOTDIR):
		return "is not a directory, or leads through a file: name another place"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "has no room left: make some on that disk"
	case errors.Is(err, syscall.EROFS):
		return "is on a disk that cannot be written: name another place"
	}
	return ""
}

func listenTrouble(call *net.OpError) string {
	switch {
	case errors.Is(call, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("this machine has no address %s: choose one of its own", call.Addr)
	case errors.Is(call, fs.ErrPermission):
		return fmt.Sprintf("uid %d may not listen at %s: choose a port above 1023", os.Geteuid(), call.Addr)
	}
	return ""
}

func connectTrouble(call *net.OpError) string {
	at := "the address"
	if call.Addr != nil {
		at = call.Addr.String()
	}
	switch {
	case errors.Is(call, syscall.ECONNREFUSED):
		return "nothing listens at " + at
	case errors.Is(call, syscall.EHOSTUNREACH), errors.Is(call, syscall.ENETUNREACH):
		return "the network has no way to " + at
	case errors.Is(call, syscall.ECONNRESET):
		return "the connection to " + at + " was cut"
	case call.Timeout():
		return at + " did not answer in time"
	}
	var host *net.DNSError
	if errors.As(call.Err, &host) {
		return sentence(host)
	}
	return ""
}

// unreachable says why a server at base gave no answer, and what to do.
func unreachable(base string, err error) error {
	var host *net.DNSError
	var call *net.OpError
	var unknown x509.UnknownAuthorityError
	var other x509.HostnameError
	do := "is `redundancy serve` running there? --server names another address"
	var why string
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case errors.As(err, &host):
		why, do = sentence(host), "--server names another address"
	case errors.As(err, &call) && connectTrouble(call) != "":
		why = connectTrouble(call)
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		why, do = fmt.Sprintf("it took longer than %s", clientTimeout), "try again, and look at the server's log"
	case errors.As(err, &unknown), errors.As(err, &other):
		why, do = "its certificate is not to be trusted here", "check the address, or have the certificate's authority added to this machine"
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		why, do = "it does not speak TLS", "write the address with http://"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		strings.Contains(err.Error(), "server closed idle connection"): // net/http keeps that error to itself
		why, do = "the connection was closed before an answer came", "look at the server's log"
	case strings.Contains(err.Error(), "malformed HTTP"), strings.Contains(err.Error(), "readLoopPeekFail"): // it spoke first
		why = "what listens there does not speak HTTP"
	default:
		why = plain(err)
	}
	return fmt.Errorf("no answer from %s: %s; %s", base, why, do)
}
