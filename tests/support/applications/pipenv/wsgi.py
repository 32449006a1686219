from guestbook import app as application
