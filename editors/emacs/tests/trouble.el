;;; trouble.el --- What a person reads in a real Emacs when something is wrong  -*- lexical-binding: t; -*-

;;; Commentary:

;; CONEXUS is the program.
;; emacs --batch --no-init-file -L editors/emacs -l editors/emacs/tests/trouble.el

;;; Code:

(load (expand-file-name "harness" (file-name-directory load-file-name)) nil t)

(defun wait-for (what condition)
  "Wait until the function CONDITION holds, or fail with WHAT."
  (with-timeout (60 (error "waited in vain for %s; *Messages* has:\n%s" what (messages)))
    (while (not (funcall condition)) (accept-process-output nil 0.05)))
  (setq checks (1+ checks)))

(defun messages ()
  "What the person was told since the last `forget-messages'."
  (with-current-buffer (messages-buffer) (buffer-string)))
(defun forget-messages ()
  "Begin anew with *Messages*."
  (with-current-buffer (messages-buffer) (let ((inhibit-read-only t)) (erase-buffer))))
(defun told (text)
  "Whether TEXT stands in *Messages*."
  (string-match-p (regexp-quote text) (messages)))
(defun times-told (text)
  "How often TEXT stands in *Messages*."
  (with-current-buffer (messages-buffer) (how-many (regexp-quote text) (point-min) (point-max))))

(defun failure-of (work)
  "What is said when the function WORK fails, or \"nothing\"."
  (condition-case failure (progn (funcall work) "nothing")
    (error (error-message-string failure))))

(defvar repository default-directory "A copy of the project's own.")
(defvar rows nil "What the person was shown.")
(setq xref-show-xrefs-function
      (lambda (fetcher _options) (setq rows (mapcar #'xref-item-summary (funcall fetcher)))))
(defun search-finds (question name)
  "Whether QUESTION finds NAME first."
  (setq rows nil)
  (conexus-search question)
  (and rows (string-match-p (regexp-quote name) (car rows))))

(defvar real (or (getenv "CONEXUS") (error "CONEXUS names no program")))
(defvar place (file-name-as-directory (file-truename (make-temp-file "conexus" t))))
(setq conexus-wait-seconds 60
      eglot-sync-connect 30
      eglot-connect-timeout 30
      eglot-autoshutdown nil
      kill-buffer-query-functions nil)

(defun new-folder (name &optional bare)
  "Make a folder NAME with a file, a project unless BARE, and open the file."
  (let ((folder (expand-file-name (file-name-as-directory name) place)))
    (make-directory (expand-file-name (if bare "." ".git") folder) t)
    (with-temp-file (expand-file-name "plan.py" folder)
      (insert "def brew_espresso(cups):\n    \"\"\"Warms up the coffee machine.\"\"\"\n    return cups * 7\n"))
    (find-file (expand-file-name "plan.py" folder))
    folder))

(defun program (name text)
  "Write a program NAME that does TEXT."
  (let ((file (expand-file-name name place)))
    (with-temp-file file (insert "#!/bin/sh\n" text "\n"))
    (set-file-modes file #o755)
    file))

(defun use (program)
  "Let Conexus and eglot take PROGRAM."
  (setq conexus-program program
        eglot-server-programs nil)
  (conexus-add-to-eglot '(python-mode python-ts-mode)))

(defun start ()
  "Let eglot start the server of this buffer, as a person does."
  (call-interactively #'eglot))

(defun goes-on ()
  "The buffer takes what is typed."
  (goto-char (point-max))
  (insert "# tea\n")
  (check (buffer-modified-p) "the buffer does not take what is typed"))

;; The program is missing.
(new-folder "missing")
(use (expand-file-name "no-such-conexus" place))
(let ((said (failure-of #'start)))
  (check (string-match-p "no-such-conexus is not there: install it, or set .conexus-program." said) said))
(let ((said (failure-of (lambda () (conexus-search "x")))))
  (check (string-match-p "no-such-conexus is not there: install it, or set .conexus-program." said) said))
(goes-on)

;; It ends at once, each time.
(new-folder "ends")
(use (program "ends.sh" "echo 'no license' >&2; exit 3"))
(dotimes (_ 3)
  (let ((said (failure-of #'start)))
    (check (string-match-p "eglot" said) (format "a server that ends at once is said to be: %s" said))))
(let ((said (failure-of (lambda () (conexus-search "x")))))
  (check (equal said "no license") (format "the program's reason is said to be: %s" said)))
(goes-on)

;; It takes its time, such as for a first index: Emacs goes on, says so, and shows the list when it comes. An earlier
;; search shows nothing then, and an error that comes late is told.
(new-folder "slow")
(let* ((gate (expand-file-name "gate" place))
       (wait (format "while [ ! -e '%s' ]; do sleep 0.05; done; " gate))
       (ticks 0)
       (timer (run-at-time 0 0.05 (lambda () (setq ticks (1+ ticks)))))
       (conexus-wait-seconds 0.5))
  (setq rows nil)
  (pcase-dolist (`(,name ,text)
                 `(("earlier.sh" "echo '{\"hits\": [], \"notices\": []}'") ("slow.sh" ,(format "exec '%s' \"$@\"" real))))
    (use (program name (concat wait text)))
    (forget-messages)
    (setq ticks 0)
    (conexus-search "warm up the coffee machine")
    (check (> ticks 1) (format "timers ran %d times during a search" ticks))
    (check (told "up to date; the list comes when that is done") (messages)))
  (goes-on)
  (check (not rows) "the list is there before the program has answered")
  (with-temp-file gate)
  (wait-for "the list" (lambda () (and rows (string-match-p "brew_espresso" (car rows)))))
  (wait-for "the end of both"
            (lambda ()
              (seq-every-p (lambda (process) (not (string-prefix-p "conexus" (process-name process)))) (process-list))))
  (check (not (told "Nothing matches")) "an earlier search is answered")
  (check (not (seq-find (lambda (buffer) (string-prefix-p " *conexus" (buffer-name buffer))) (buffer-list)))
         "buffers of the processes are left")
  (delete-file gate)
  (use (program "fails-late.sh" (concat wait "echo 'no license' >&2; exit 3")))
  (conexus-search "x")
  (check (not (told "no license")) "the error is there before the program has ended")
  (with-temp-file gate)
  (wait-for "the error" (lambda () (told "no license")))
  (cancel-timer timer))

;; It is killed in the middle of work, again and again: eglot starts it anew, or says that it does not.
(new-folder "killed")
(use real)
(start)
(wait-for "the server" #'conexus--server)
;; It reconnects by itself when the server ran for a while, and says so when it does not; then `M-x eglot' does it.
(pcase-dolist (`(,name ,says ,question)
               '(("fill_kettle" "Puts water into a pot for tea." "pour water for the tea")
                 ("wash_cups" "Cleans all dirty mugs." "clean the dirty mugs")
                 ("lock_kitchen" "Closes the door in the night." "close the door at night")))
  (wait-for "the function" (lambda () (search-finds "warm up the coffee machine" "brew_espresso")))
  (goto-char (point-max))
  (insert (format "\n\ndef %s(litres):\n    \"\"\"%s\"\"\"\n    return litres\n" name says))
  (check (search-finds question name) (format "what is typed is not found: %S" rows))
  (forget-messages)
  (let ((server (conexus--server)))
    (signal-process (jsonrpc--process server) 'SIGKILL)
    (wait-for "the end of the server" (lambda () (not (jsonrpc-running-p server))))
    (wait-for "a word" (lambda () (or (told "Not auto-reconnecting") (told "Reconnected"))))
    (unless (told "Reconnected") (start)))
  (wait-for "another server" #'conexus--server))
(check (search-finds "pour water for the tea" "fill_kettle") "what is not saved is unknown after a crash")
(eglot-shutdown (conexus--server))

;; A file outside of every project.
(new-folder "loose" t)
(let ((said (failure-of (lambda () (conexus-search "x")))))
  (check (string-match-p "There is no project here: it begins where .git is" said) said))
(forget-messages)
(start)
(wait-for "the server" #'conexus--server)
(wait-for "the function" (lambda () (search-finds "warm up the coffee machine" "brew_espresso")))
(eglot-shutdown (conexus--server))

;; An index that cannot be written: nothing below /proc can be made.
(new-folder "frozen")
(with-environment-variables (("CONEXUS_INDEX_DIR" "/proc/conexus"))
  (let ((said (failure-of (lambda () (conexus-search "x")))))
    (check (string-match-p "/proc/conexus" said) said))
  (forget-messages)
  (start)
  (wait-for "what is wrong, and what to do" (lambda () (and (told "/proc/conexus") (told "CONEXUS_INDEX_DIR"))))
  (conexus-search "warm up")
  (check (= 1 (times-told "Server reports")) (format "it is told more than once:\n%s" (messages)))
  (goes-on)
  (eglot-shutdown (conexus--server)))

;; A workspace on a disk that is read-only is searched like any other, what is typed included.
(if-let ((private (seq-find (lambda (way)
                              (= 0 (call-process-shell-command
                                    (format "%s mount --bind '%s' '%s'" way place place))))
                            '("unshare --mount" "unshare --user --map-root-user --mount"))))
    (let ((folder (new-folder "read-only")))
      (use (program "read-only.sh"
                    (string-join `("if [ -z \"$CONEXUS_TEST_ROOT\" ]; then"
                                   ,(format "CONEXUS_TEST_ROOT='%s' exec %s \"$0\" \"$@\"" folder private)
                                   "fi"
                                   "mount --bind \"$CONEXUS_TEST_ROOT\" \"$CONEXUS_TEST_ROOT\""
                                   "mount -o remount,bind,ro \"$CONEXUS_TEST_ROOT\""
                                   "cd \"$CONEXUS_TEST_ROOT\""
                                   ,(format "if touch here 2>/dev/null; then exit 9; fi; exec '%s' \"$@\"" real))
                                 "\n")))
      (check (search-finds "warm up the coffee machine" "brew_espresso") (format "without eglot: %S" rows))
      (forget-messages)
      (start)
      (wait-for "the server" #'conexus--server)
      (goto-char (point-max))
      (insert "\n\ndef fill_kettle(litres):\n    \"\"\"Puts water into a pot for tea.\"\"\"\n    return litres\n")
      (wait-for "the function" (lambda () (search-finds "pour water for the tea" "fill_kettle")))
      (check (not (told "Server reports")) (messages))
      (eglot-shutdown (conexus--server)))
  (message "emacs: skipped: a disk that is read-only; this machine lets nobody mount one"))

;; The index is being built: a list of what is there so far says so.
(use real)
(find-file (expand-file-name "tests/peers/pytest_lsp/test_presets.py" repository))
(with-environment-variables (("CONEXUS_INDEX_DIR" (expand-file-name "fresh" place)) ("CONEXUS_THREADS" "1"))
  (start))
(cl-flet ((state () (aref (plist-get (conexus--ask :conexus/status nil) :workspaces) 0)))
  (wait-for "some files" (lambda () (> (plist-get (state) :files) 0)))
  (forget-messages)
  (setq rows nil)
  (conexus-search "error")
  (check rows "nothing is found in an index that is being built")
  (check (or (told "still indexing") (equal (plist-get (state) :activity) "idle")) (messages))
  (wait-for "the complete index" (lambda () (equal (plist-get (state) :activity) "idle")))
  (forget-messages)
  (conexus-search "error")
  (check (not (told "still indexing")) (messages)))
(eglot-shutdown (conexus--server))

;; The program says so too: here it is played, one row and a notice.
(new-folder "partial")
(use (program "partial.sh" (concat "echo '{\"hits\": [{\"path\": \"plan.py\", \"line\": 1, \"name\": \"brew_espresso\"}],"
                                   " \"notices\": [{\"message\": \"still indexing: 3 of 10 files\"}]}'")))
(forget-messages)
(check (search-finds "warm up" "brew_espresso") (format "the rows are %S" rows))
(check (told "still indexing: 3 of 10 files") (messages))

;; Servers of other versions: one that knows more, with one place and a notice, and one that knows less.
(dolist (version '("9.9.9" "0.0.1"))
  (new-folder (concat "version-" version))
  (use (program "version.sh" (format "exec '%s' %s" (expand-file-name "editors/emacs/tests/fake-server" repository) version)))
  (start)
  (wait-for "the played server" #'conexus--server)
  (goto-char (point-min))
  (dolist (ask (list (lambda () (conexus-search "warm up")) #'conexus-callers))
    (setq rows nil)
    (forget-messages)
    (let ((said (failure-of ask)))
      (if (equal version "9.9.9")
          (progn (check (equal rows '("brew_espresso")) (format "%s: the rows are %S" said rows))
                 (check (told "still indexing: 3 of 10 files") (messages)))
        (check (string-match-p "This server knows no conexus/[a-z]+, it is too old" said) said))))
  (goes-on)
  (eglot-shutdown (conexus--server)))

;; The home folder.
(use real)
(let ((folder (new-folder "home")))
  (with-environment-variables (("HOME" folder))
    (let ((said (failure-of (lambda () (conexus-search "x")))))
      (check (string-match-p "home folder.*any_folder" said) said))
    (forget-messages)
    (start)
    (wait-for "what is wrong" (lambda () (told "any_folder")))
    (check (= 1 (times-told "Server reports")) (format "it is told more than once:\n%s" (messages)))
    (goes-on)
    (eglot-shutdown (conexus--server))))

(delete-directory place t)
(princ (format "emacs: %d checks passed in bad situations on %s\n" checks emacs-version))

;;; trouble.el ends here
