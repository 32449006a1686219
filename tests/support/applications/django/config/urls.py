from django.urls import path

from shipyard.docks.views import index

urlpatterns = [path("", index)]
