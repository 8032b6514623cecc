;;; conexus.el --- Search code by meaning, and ask about it  -*- lexical-binding: t; -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1") (eglot "1.9"))
;; Keywords: tools, languages

;;; Commentary:

;; `conexus-search' lists what fits a question, in an xref buffer.  Where eglot
;; runs `conexus lsp' (see `conexus-add-to-eglot'), the answer knows what is not
;; saved, and there are `conexus-callers' and its like.  Elsewhere, such as
;; beside another language server, the program is asked directly: eglot runs one
;; server for a buffer.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'json)
(require 'project)
(require 'xref)

(defgroup conexus nil
  "Search code by meaning."
  :group 'tools)

(defcustom conexus-program "conexus"
  "The program."
  :type 'string)

(defcustom conexus-limit 50
  "Most rows of a list."
  :type 'natnum)

(defcustom conexus-wait-seconds 1
  "How long a search without eglot may keep you waiting.
The list of one that takes longer, such as the first of a project, comes later."
  :type 'number)

;;;###autoload
(defun conexus-add-to-eglot (modes)
  "Let eglot start `conexus lsp' in MODES, a list of major modes.
They take it instead of the server that eglot knows for them."
  (add-to-list 'eglot-server-programs (cons modes #'conexus--contact)))

(defun conexus--contact (&optional _interactive _project)
  "The command of the server, as eglot wants to have it."
  (list (conexus--installed) "lsp"))

(defun conexus--installed ()
  "The program, or an error that says what to do."
  (or (and (executable-find conexus-program) conexus-program)
      (user-error "%s is not there: install it, or set `conexus-program'" conexus-program)))

(defun conexus--server ()
  "The eglot connection of this buffer when it is one of ours."
  (when-let ((server (eglot-current-server)))
    (and (plist-get (conexus--experimental server) :conexus) server)))

(defun conexus--experimental (server)
  "What SERVER offers beyond the protocol."
  (plist-get (eglot--capabilities server) :experimental))

(defun conexus--path (uri)
  "The file of URI."
  (if (fboundp 'eglot-uri-to-path)
      (eglot-uri-to-path uri)
    (eglot--uri-to-path uri)))

(defun conexus--root ()
  "The folder to search."
  (if-let ((project (project-current)))
      (project-root project)
    (user-error "There is no project here: it begins where .git is")))

(defun conexus--show (rows notices nothing)
  "Show ROWS in an xref buffer and say NOTICES; without any, say NOTHING.
A row is a list of a file, a line from 1, a column from 0 and a text."
  (when rows
    (xref-show-xrefs
     (lambda ()
       (mapcar (lambda (row)
                 (pcase-let ((`(,file ,line ,column ,text) row))
                   (xref-make text (xref-make-file-location file line column))))
               rows))
     nil))
  (when-let ((words (or (conexus--notices notices) (and (null rows) nothing))))
    (message "%s" words)))

(defun conexus--notices (notices)
  "NOTICES as one sentence, or nil."
  (and (cl-plusp (length notices))
       (mapconcat (lambda (notice) (plist-get notice :message)) notices "; ")))

(defun conexus--row (place)
  "The row of PLACE, a hit or a relation of the server."
  (let* ((start (plist-get (plist-get place :selectionRange) :start))
         (name (plist-get place :name))
         (beside (or (plist-get place :preview) (plist-get place :reason) "")))
    (list (conexus--path (plist-get place :uri))
          (1+ (plist-get start :line))
          (plist-get start :character)
          (conexus--label (plist-get place :kind) name beside))))

(defun conexus--label (kind name beside)
  "A row that tells KIND and NAME, and what is BESIDE them."
  (string-join (seq-remove #'string-empty-p (list (or kind "") (or name "") beside)) "  "))

(defun conexus--ask (method params)
  "Ask the server METHOD with PARAMS."
  (let ((server (or (conexus--server)
                    (user-error "Eglot does not run conexus in this buffer"))))
    (condition-case failure
        (jsonrpc-request server method params)
      (jsonrpc-error
       (let ((parts (seq-filter #'consp (cdr failure))))
         (user-error "%s" (if (eql (alist-get 'jsonrpc-error-code parts) -32601)
                              (format "This server knows no %s, it is too old" (substring (symbol-name method) 1))
                            (or (alist-get 'jsonrpc-error-message parts) (error-message-string failure)))))))))

(defvar conexus--turn 0
  "Raised by each search: an earlier one that ends later shows nothing.")

(defun conexus--run (arguments done)
  "Run the program in the project with ARGUMENTS and call DONE with its JSON.
When it takes longer than `conexus-wait-seconds', Emacs goes on and DONE is
called as soon as it ends."
  (let* ((default-directory (conexus--root))
         (command (append (list (conexus--installed) "--json" "--quiet") arguments))
         (errors (generate-new-buffer " *conexus errors*"))
         (process (make-process :name "conexus" :command command :sentinel #'ignore
                                :buffer (generate-new-buffer " *conexus*") :stderr errors
                                :connection-type 'pipe :coding 'utf-8 :noquery t))
         (deadline (+ (float-time) conexus-wait-seconds))
         (turn (setq conexus--turn (1+ conexus--turn)))
         (goes-on nil))
    ;; The default would write its end among the errors.
    (set-process-sentinel (get-buffer-process errors) #'ignore)
    (unwind-protect
        (progn
          (while (and (process-live-p process) (< (float-time) deadline))
            (accept-process-output nil 0.02))
          (if (not (process-live-p process))
              (funcall done (conexus--answer process errors))
            (message "Conexus brings the index of the project up to date; the list comes when that is done")
            (setq goes-on t)
            (set-process-sentinel process
                                  (lambda (&rest _)
                                    (unless (process-live-p process)
                                      (conexus--ended process errors (and (= turn conexus--turn) done)))))))
      (unless goes-on (conexus--forget process errors)))))

(defun conexus--ended (process errors done)
  "Call DONE, unless it is nil, with the answer of PROCESS, or tell its ERRORS."
  (unwind-protect
      (when done
        ;; The list is shown, and the person stays where they are.
        (condition-case failure
            (with-selected-window (selected-window) (funcall done (conexus--answer process errors)))
          (error (message "%s" (error-message-string failure)))))
    (conexus--forget process errors)))

(defun conexus--answer (process errors)
  "The JSON of PROCESS, which has ended, or an error with what is in ERRORS."
  (while (accept-process-output process))
  (when-let ((rest (get-buffer-process errors)))
    (while (accept-process-output rest)))
  (unless (and (eq (process-status process) 'exit) (memql (process-exit-status process) '(0 1)))
    (user-error "%s" (with-current-buffer errors (string-trim (buffer-string)))))
  (with-current-buffer (process-buffer process)
    (goto-char (point-min))
    (json-parse-buffer :object-type 'plist :array-type 'array :null-object nil :false-object nil)))

(defun conexus--forget (process errors)
  "Be done with PROCESS, its output and its ERRORS."
  (delete-process process)
  (kill-buffer (process-buffer process))
  (kill-buffer errors))

(defun conexus--first-line (hit)
  "The line of code that the program shows first for HIT."
  (let ((lines (plist-get hit :snippet)))
    (if (cl-plusp (length lines))
        (string-trim (plist-get (aref lines 0) :text))
      "")))

(defun conexus--rows-of-program (answer root)
  "The rows of ANSWER of the program about the project at ROOT."
  (mapcar (lambda (hit)
            (list (expand-file-name (plist-get hit :path) root)
                  (plist-get hit :line)
                  0
                  (conexus--label (plist-get hit :kind) (plist-get hit :name)
                                  (conexus--first-line hit))))
          (append (plist-get answer :hits) nil)))

;;;###autoload
(defun conexus-search (query)
  "List what fits QUERY: a question, words, a name or \"quoted text\"."
  (interactive "sSearch by meaning: ")
  (if (conexus--server)
      (progn
        (eglot--signal-textDocument/didChange)
        (let ((answer (conexus--ask :conexus/search
                                    (list :query query :limit conexus-limit
                                          :activeDocument (plist-get (eglot--TextDocumentIdentifier) :uri)))))
          (conexus--show (mapcar #'conexus--row (plist-get answer :hits)) (plist-get answer :notices)
                         "Nothing matches")))
    (let ((root (conexus--root)))
      (conexus--run (list "search" "--limit" (number-to-string conexus-limit) "--" query)
                    (lambda (answer)
                      (conexus--show (conexus--rows-of-program answer root) (plist-get answer :notices)
                                     "Nothing matches"))))))

(defun conexus--related (relation)
  "List the RELATION of the symbol at point."
  (eglot--signal-textDocument/didChange)
  (let ((answer (conexus--ask :conexus/related
                              (append (eglot--TextDocumentPositionParams)
                                      (list :relations (vector relation) :limit conexus-limit)))))
    (conexus--show (mapcar #'conexus--row (plist-get answer :relations)) (plist-get answer :notices)
                   "None found")))

;;;###autoload
(defun conexus-similar ()
  "List code that resembles the symbol at point."
  (interactive)
  (conexus--related "similar"))

;;;###autoload
(defun conexus-callers ()
  "List what calls the symbol at point, judged by names and context."
  (interactive)
  (conexus--related "caller"))

;;;###autoload
(defun conexus-callees ()
  "List what the symbol at point calls, judged by names and context."
  (interactive)
  (conexus--related "callee"))

;;;###autoload
(defun conexus-tests ()
  "List the likely tests of the symbol at point."
  (interactive)
  (conexus--related "test"))

;;;###autoload
(defun conexus-context ()
  "Show what an assistant should read about the symbol at point, and copy it."
  (interactive)
  (eglot--signal-textDocument/didChange)
  (let* ((answer (conexus--ask :conexus/context (eglot--TextDocumentPositionParams)))
         (text (plist-get answer :markdown)))
    (if (string-empty-p text)
        (message "%s" (or (conexus--notices (plist-get answer :notices)) "No symbol is at point"))
      (kill-new text)
      (with-current-buffer (get-buffer-create "*conexus context*")
        (erase-buffer)
        (insert text)
        (goto-char (point-min))
        (when (fboundp 'markdown-mode) (markdown-mode))
        (display-buffer (current-buffer)))
      (message "The context, about %d tokens, is in the kill ring" (plist-get answer :tokens)))))

(provide 'conexus)

;;; conexus.el ends here
