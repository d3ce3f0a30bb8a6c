package api

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/scalestack/scalestack/services/users/internal/users"
)

func (a *API) getUser(w http.ResponseWriter, r *http.Request) {
	id, wrong := userID(r)
	if wrong != nil {
		wrong.write(w)
		return
	}
	answer, err := a.service.Get(r.Context(), id)
	setShard(w, answer.Shard)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("X-Cache", "miss")
	if answer.Hit {
		w.Header().Set("X-Cache", "hit")
	}
	if answer.User == nil {
		noUser(id).write(w)
		return
	}
	writeJSON(w, http.StatusOK, "application/json", answer.User)
}

// putUser creates users only for callers that may do that.
func (a *API) putUser(w http.ResponseWriter, r *http.Request) {
	id, wrong := userID(r)
	if wrong != nil {
		wrong.write(w)
		return
	}
	p, wrong := profile(w, r)
	if wrong != nil {
		wrong.write(w)
		return
	}
	put := a.service.Update
	if caller(r).MayCreate() {
		put = a.service.Put
	}
	user, shard, err := put(r.Context(), id, p)
	setShard(w, shard)
	switch {
	case errors.Is(err, users.ErrNoUser):
		forbidden("there is no user " + strconv.FormatInt(id, 10) + ", and the token does not allow to create one").write(w)
	case err != nil:
		a.fail(w, r, err)
	default:
		writeJSON(w, statusOf(user.Created), "application/json", user)
	}
}

// postUser answers as soon as the user is stored; everything else follows.
func (a *API) postUser(w http.ResponseWriter, r *http.Request) {
	key, wrong := idempotencyKey(r)
	if wrong != nil {
		wrong.write(w)
		return
	}
	p, wrong := profile(w, r)
	if wrong != nil {
		wrong.write(w)
		return
	}
	user, shard, err := a.service.Create(r.Context(), p, caller(r).Key(key))
	setShard(w, shard)
	switch {
	case errors.Is(err, users.ErrKeyUsed):
		newProblem(http.StatusUnprocessableEntity, "the Idempotency-Key was used for another user").write(w)
	case err != nil:
		a.failCreate(w, r, err, key)
	default:
		w.Header().Set("Location", "/users/"+strconv.FormatInt(user.ID, 10))
		writeJSON(w, http.StatusCreated, "application/json", user)
	}
}

func (a *API) failCreate(w http.ResponseWriter, r *http.Request, err error, key string) {
	unknown := "; the user may have been created, and without an Idempotency-Key a second request may create another"
	if key != "" {
		unknown = repeatable
	}
	a.failWith(w, r, err, unknown)
}

func (a *API) deleteUser(w http.ResponseWriter, r *http.Request) {
	id, wrong := userID(r)
	if wrong != nil {
		wrong.write(w)
		return
	}
	found, shard, err := a.service.Delete(r.Context(), id)
	setShard(w, shard)
	switch {
	case err != nil:
		a.fail(w, r, err)
	case !found:
		noUser(id).write(w)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func noUser(id int64) *problem {
	return newProblem(http.StatusNotFound, "there is no user "+strconv.FormatInt(id, 10))
}

func statusOf(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}
