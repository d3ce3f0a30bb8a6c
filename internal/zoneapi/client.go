// Package zoneapi calls Cloudflare's API for one zone. It waits and retries while the
// API is busy or unavailable, and never sends the token elsewhere or in clear text.
//
// It uses net/http, with go-retryablehttp for the retries: cloudflare-go is small only
// without its root package, but then neither its fields can be built nor its errors
// read.
package zoneapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// The first wait doubles up to the last; the API's Retry-After goes before both.
	firstWait, lastWait = time.Second, 30 * time.Second
	requestTimeout      = 30 * time.Second
	// MostRetries is how often a call is made again.
	MostRetries = 6
	// mostAnswer is far above what the API sends.
	mostAnswer = 1 << 20
)

// Options say which API to call, and for which zone.
type Options struct {
	// Zone is its id, 32 hexadecimal digits.
	Zone string
	// Token of the API, see TokenVariable.
	Token string
	// API is the base URL, see DefaultAPI.
	API string
}

// Client calls the API.
type Client struct {
	Options
	http *retryablehttp.Client
}

// New makes a client from options that have passed their checks.
func New(o Options) *Client {
	h := retryablehttp.NewClient()
	h.Logger = nil
	h.RetryMax, h.RetryWaitMin, h.RetryWaitMax = MostRetries, firstWait, lastWait
	// The last answer says more than that there were too many.
	h.ErrorHandler = retryablehttp.PassthroughErrorHandler
	h.HTTPClient.Timeout = requestTimeout
	// The API does not redirect; whoever does, does not get the token.
	h.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{Options: o, http: h}
}

// Post sends body as JSON to a path below the base URL, and returns the status and the
// answer. What it sends must be safe to send twice.
func (c *Client) Post(ctx context.Context, path string, body any) (status int, answer []byte, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.API, "/")+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.Token)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, nil, fmt.Errorf("no success before --timeout: %w", err)
	case err != nil:
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("reading the answer: %w", err)
	}
	return response.StatusCode, answer, nil
}

// NotAPI says that somebody else has answered.
func NotAPI(status int) error {
	return fmt.Errorf("HTTP %d: the answer is not the API's; is --api right?", status)
}

// Problem is what the API said in place of an answer, and what to do about it where the
// status tells. The permission is the one that the token needs.
func (c *Client) Problem(status int, said []string, permission string) error {
	problem := fmt.Sprintf("HTTP %d: %s", status, cmp.Or(strings.Join(said, "; "), "no reason given"))
	switch {
	case denied(status):
		return fmt.Errorf("%s; the token needs the permission %s for zone %s", problem, permission, c.Zone)
	case busy(status):
		return fmt.Errorf("%s; given up after %d tries", problem, MostRetries+1)
	}
	return errors.New(problem)
}

// Telling is a status that says what is wrong, whoever has answered.
func Telling(status int) bool { return denied(status) || busy(status) }

func denied(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

func busy(status int) bool {
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}
