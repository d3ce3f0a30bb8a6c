package main

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
	mostRetries         = 6
	requestTimeout      = 30 * time.Second
	// mostAnswer is far above what the API sends.
	mostAnswer = 64 << 10
)

// client calls one zone's purge endpoint.
type client struct {
	url, zone, token string
	http             *retryablehttp.Client
}

func newClient(o *options) *client {
	h := retryablehttp.NewClient()
	h.Logger = nil
	h.RetryMax, h.RetryWaitMin, h.RetryWaitMax = mostRetries, firstWait, lastWait
	// The last answer says more than that there were too many.
	h.ErrorHandler = retryablehttp.PassthroughErrorHandler
	h.HTTPClient.Timeout = requestTimeout
	// The API does not redirect; whoever does, does not get the token.
	h.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{
		url:  strings.TrimSuffix(o.api, "/") + "/zones/" + o.zone + "/purge_cache",
		zone: o.zone, token: o.token, http: h,
	}
}

// answer is the envelope of every answer of the API.
type answer struct {
	Success bool `json:"success"`
	Errors  []struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
}

// purge makes one call, and makes it again while the API is busy or away.
func (c *client) purge(ctx context.Context, one call) error {
	body, err := json.Marshal(map[string][]string{one.kind: one.names})
	if err != nil {
		return err
	}
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no success before --timeout: %w", err)
	case err != nil:
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return c.judge(response.StatusCode, text)
}

// judge demands the API's own word for success: a proxy in between can say 200
// as well.
func (c *client) judge(status int, text []byte) error {
	var a answer
	err := json.Unmarshal(text, &a)
	if err == nil && status == http.StatusOK && a.Success {
		return nil
	}
	var said []string
	for _, e := range a.Errors {
		said = append(said, strings.TrimSpace(fmt.Sprintf("%s (code %d)", e.Message, e.Code)))
	}
	problem := fmt.Sprintf("HTTP %d: %s", status, cmp.Or(strings.Join(said, "; "), "no reason given"))
	switch {
	case err != nil:
		return fmt.Errorf("HTTP %d: the answer is not the API's; is --api right?", status)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Errorf("%s; the token needs the permission Cache Purge for zone %s", problem, c.zone)
	case status == http.StatusTooManyRequests || status >= http.StatusInternalServerError:
		return fmt.Errorf("%s; given up after %d tries", problem, mostRetries+1)
	}
	return errors.New(problem)
}
