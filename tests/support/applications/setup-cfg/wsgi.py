from lighthouse.web import application
