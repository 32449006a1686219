from django.db import models


class Dock(models.Model):
    name = models.CharField(max_length=50)
