from django.conf import settings
from django.http import JsonResponse

from .models import Dock


def index(request):
    return JsonResponse(
        {"docks": Dock.objects.count(), "settings": settings.SETTINGS_MODULE}
    )
